// Receivers of webhooks in a process of their own, with a clock of their own, so that they measure the server and not
// this test. They confirm subscriptions, whatever else they do.

/** When a message first arrived, and how often. */
export type Arrival = {
  id: string;
  path: string;
  number: number;
  trigger: string;
  color: string;
  atMs: number;
  attempts: number;
};

/**
 * `healthy` accepts everything; `flaky` refuses one in five hundred at first, and is slow by milliseconds; `failing`
 * answers 500, `hanging` nothing; `closing` closes the connection, and `streaming` never ends its response.
 */
type Kind = "healthy" | "flaky" | "failing" | "hanging" | "closing" | "streaming";

type Report = { urls: Record<string, string> } | { confirmed: number } | { arrivals: Arrival[]; changed: string[] };

/** From the process's start plus the time since: comparable between processes, and finer than milliseconds. */
export const preciseNow = () => performance.timeOrigin + performance.now();

export async function startReceivers(serverUrl: string, kinds: readonly Kind[]) {
  const urls = Promise.withResolvers<Record<string, string>>();
  let confirmed = 0;
  const waiting: { count: number; done: () => void }[] = [];
  let asked = Promise.withResolvers<Arrival[]>();
  const child = Bun.spawn([process.execPath, import.meta.path, serverUrl, ...kinds], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (report: Report) => {
      if ("urls" in report) urls.resolve(report.urls);
      else if ("confirmed" in report) {
        confirmed = report.confirmed;
        for (const { done } of waiting.filter(({ count }) => confirmed >= count)) done();
      } else if (report.changed.length > 0)
        asked.reject(new Error(`bytes changed between attempts: ${report.changed}`));
      else asked.resolve(report.arrivals);
    },
  });
  const found = await urls.promise;
  return {
    url: (kind: Kind) => found[kind] as string,
    /** Resolves when `count` subscriptions have been confirmed in total. */
    async confirmed(count: number): Promise<void> {
      if (confirmed < count) await new Promise<void>((done) => waiting.push({ count, done }));
    },
    /**
     * Each notification that the healthy and the flaky one accepted, once. Refuses if one arrived with other bytes than
     * before.
     */
    arrivals(): Promise<Arrival[]> {
      asked = Promise.withResolvers();
      child.send("report");
      return asked.promise;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

function serve(serverUrl: string, kinds: readonly Kind[]): void {
  const arrivals = new Map<string, Arrival & { text: string }>();
  const changed = new Set<string>();
  const refusedOnce = new Set<string>();
  const never = new Promise<Response>(() => {});
  let confirmed = 0;

  /** Follows the link if it is a confirmation. */
  async function confirm(text: string): Promise<boolean> {
    const [, link] = /"confirmation_url":"([^"]+)"/.exec(text) ?? [];
    if (!link) return false;
    const { pathname, search } = new URL(link);
    const { status } = await fetch(`${serverUrl}${pathname}${search}`);
    if (status === 200) process.send?.({ confirmed: ++confirmed });
    return true;
  }

  function take(path: string, text: string, atMs: number): void {
    const { message: id, number, trigger, event } = JSON.parse(text);
    const known = arrivals.get(id);
    if (known && known.text !== text) changed.add(id);
    if (known) known.attempts++;
    else arrivals.set(id, { id, path, number, trigger, color: event.color, atMs, attempts: 1, text });
  }

  async function answer(kind: Kind, request: Request): Promise<Response> {
    const atMs = preciseNow();
    const text = await request.text();
    if (await confirm(text)) return new Response(null, { status: 201 });
    if (kind === "hanging") return never;
    if (kind === "failing") return new Response("", { status: 500 });
    if (kind === "flaky") {
      await Bun.sleep(Math.random() * 5);
      const id = request.headers.get("webhook-id") as string;
      if (Math.random() < 1 / 500 && !refusedOnce.has(id)) {
        refusedOnce.add(id);
        return new Response("", { status: 500 });
      }
    }
    take(new URL(request.url).pathname, text, atMs);
    return new Response(null, { status: 201 });
  }

  const urlOf = (kind: Kind): string => {
    const at = { hostname: "127.0.0.1", port: 0 };
    const isUnruly = kind === "closing" || kind === "streaming";
    const { port } = isUnruly
      ? listenUnruly(kind, confirm)
      : Bun.serve({ ...at, idleTimeout: 0, fetch: (request) => answer(kind, request) });
    return `http://127.0.0.1:${port}`;
  };
  process.send?.({ urls: Object.fromEntries(kinds.map((kind) => [kind, urlOf(kind)])) });
  process.on("message", () => {
    const told = Array.from(arrivals.values(), ({ text: _, ...arrival }) => arrival);
    process.send?.({ arrivals: told, changed: [...changed] });
  });
  process.on("disconnect", () => process.exit(0));
}

/** A raw socket that misbehaves instead of answering. */
function listenUnruly(kind: "closing" | "streaming", confirm: (text: string) => Promise<boolean>) {
  type Data = { text: string; timer?: ReturnType<typeof setInterval> };
  return Bun.listen<Data>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.data = { text: "" };
      },
      data: (socket, bytes) => {
        socket.data.text += bytes.toString();
        const isWhole = socket.data.text.endsWith("}");
        if (!isWhole) return;
        void confirm(socket.data.text);
        if (kind === "closing") socket.end();
        else {
          socket.write("HTTP/1.1 200 OK\r\n\r\n");
          socket.data.timer ??= setInterval(() => socket.write("x".repeat(64)), 5);
        }
      },
      close: (socket) => clearInterval(socket.data.timer),
    },
  });
}

if (import.meta.main) {
  const [serverUrl, ...kinds] = process.argv.slice(2);
  serve(serverUrl as string, kinds as Kind[]);
}
