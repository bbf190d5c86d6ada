import type { Json } from "../world/world.ts";

/** A received message. */
export type Message = { path: string; headers: Record<string, string>; text: string; body: Json; at: number };

type Respond = (message: Message) => Response | Promise<Response>;

export type Receiver = ReturnType<typeof startReceiver>;

/**
 * A real HTTP server on a free port of the loopback address, which keeps what it receives. A test may change its
 * response.
 */
export function startReceiver(respond: Respond = () => new Response("", { status: 201 }), port = 0) {
  const messages: Message[] = [];
  const waiting: { count: number; done: () => void }[] = [];
  const state = { respond };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    idleTimeout: 0,
    async fetch(request) {
      const text = await request.text();
      const message: Message = {
        path: new URL(request.url).pathname,
        headers: Object.fromEntries(request.headers),
        text,
        body: text && JSON.parse(text),
        at: performance.now(),
      };
      messages.push(message);
      for (const one of waiting.filter(({ count }) => messages.length >= count)) one.done();
      return state.respond(message);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port as number,
    messages,
    state,
    /** The messages of a type. */
    of: (type: string) => messages.filter(({ body }) => body.type === type),
    /** Resolves when `count` messages have arrived in total. */
    async arrived(count: number): Promise<void> {
      if (messages.length < count) await new Promise<void>((done) => waiting.push({ count, done }));
    },
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}
