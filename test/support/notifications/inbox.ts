import type { Json } from "../world/world.ts";

type Message = { path: string; headers: Headers; text: string; body: Json };

/** A real HTTP receiver on a free port of the loopback address: answers 201 to every POST, and keeps the body. */
export function openInbox() {
  const messages: Message[] = [];
  const waiting = new Set<() => void>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const text = await request.text();
      const { pathname } = new URL(request.url);
      messages.push({ path: pathname, headers: request.headers, text, body: JSON.parse(text) });
      for (const look of waiting) look();
      return new Response(null, { status: 201 });
    },
  });
  const at = (path: string) => messages.filter((message) => message.path === path).map(({ body }) => body);
  return {
    /** The URL of the receiver at this path. */
    url: (path: string) => `http://127.0.0.1:${server.port}${path}`,
    /** The bodies it has received, oldest first. */
    at,
    messages,
    /** Resolves with them when there are `count`. */
    async untilCount(path: string, count: number, limitMs = 10_000): Promise<Json[]> {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(
        () => reject(new Error(`${path} got ${at(path).length} messages, not ${count}, in ${limitMs} ms`)),
        limitMs,
      );
      const look = () => {
        if (at(path).length >= count) resolve();
      };
      waiting.add(look);
      look();
      try {
        await promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(look);
      }
      return at(path);
    },
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}
