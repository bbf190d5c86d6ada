import { type Context, Hono } from "hono";
import type { Deps } from "../deps.ts";
import { describeError } from "../kernel/failure.ts";
import { expose } from "../metrics/exposition.ts";
import type { Writable } from "../store/writer/writability.ts";
import { announcedLength, respondWithoutReadingBody } from "./body.ts";
import type { Peer } from "./serve.ts";

// What the server reports to its operator: not part of any API, and open to every client that reaches the address.

const TEXT = "text/plain; charset=utf-8";

/** The server listens only after migrations, so `/readyz` need not check them. */
const NOT_WRITABLE: Record<Exclude<Writable, "yes">, string> = {
  refused: "not ready: the newest write could not be stored (the log says why); reads go on",
  late: "not ready: the disk takes no write in time; reads go on",
};

/**
 * `/healthz`: the process is alive. `/readyz`: it also accepts writes. `/metrics`: its figures in the Prometheus
 * format.
 */
export function mountMonitoring(app: Hono<Peer>, deps: Deps): void {
  app.get("/healthz", (c) => tell(c, 200, "alive"));
  app.get("/readyz", async (c) => {
    if (deps.stopping.aborted) return tell(c, 503, "not ready: the server is stopping");
    const writable = await deps.store.writable();
    return writable === "yes" ? tell(c, 200, "ready") : tell(c, 503, NOT_WRITABLE[writable]);
  });
  app.get("/metrics", async (c) => {
    const onFault = (metric: string, error: unknown) =>
      deps.log.warn("metrics.unreadable", { metric, error: describeError(error) });
    const { contentType, text } = await expose(deps.metrics, onFault);
    return answer(c, 200, text, contentType);
  });
}

/** Creates an app with the same paths for an address of its own, which serves nothing else. */
export function createMonitoringApp(deps: Deps): Hono<Peer> {
  const app = new Hono<Peer>({ strict: false });
  mountMonitoring(app, deps);
  app.notFound((c) => tell(c, 404, "here are /healthz, /readyz and /metrics"));
  return app;
}

const tell = (c: Context<Peer>, status: number, sentence: string) => answer(c, status, `${sentence}\n`, TEXT);

function answer(c: Context<Peer>, status: number, text: string, contentType: string) {
  const headers = { "content-type": contentType, "cache-control": "no-store", "x-content-type-options": "nosniff" };
  return respondWithoutReadingBody(announcedLength(c.req.raw), new Response(text, { status, headers }));
}
