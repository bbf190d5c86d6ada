import { Hono } from "hono";
import type { Deps } from "../deps.ts";
import { describeError } from "../kernel/failure.ts";
import { expose } from "../metrics/exposition.ts";
import type { Writable } from "../store/writability.ts";
import type { Peer } from "./serve.ts";

// What a server tells whoever runs it: no operations of an API, and open to everybody who reaches the address.

const TEXT = "text/plain; charset=utf-8";

/** Who is asked for `/readyz` has migrated its database: before that it listens nowhere. */
const NOT_WRITABLE: Record<Exclude<Writable, "yes">, string> = {
  refused: "not ready: the newest write could not be stored (the log says why); reads go on",
  late: "not ready: the disk takes no write in time; reads go on",
};

/** `/healthz`: the process is alive. `/readyz`: it takes writes too. `/metrics`: its figures, as Prometheus reads them. */
export function mountMonitoring(app: Hono<Peer>, deps: Deps): void {
  app.get("/healthz", () => tell(200, "alive"));
  app.get("/readyz", async () => {
    if (deps.stopping.aborted) return tell(503, "not ready: the server is stopping");
    const writable = await deps.store.writable();
    return writable === "yes" ? tell(200, "ready") : tell(503, NOT_WRITABLE[writable]);
  });
  app.get("/metrics", async () => {
    const onFault = (metric: string, error: unknown) =>
      deps.log.warn("metrics.unreadable", { metric, error: describeError(error) });
    const { contentType, text } = await expose(deps.metrics, onFault);
    return answer(200, text, contentType);
  });
}

/** The same for an address of its own, where nothing else is. */
export function createMonitoringApp(deps: Deps): Hono<Peer> {
  const app = new Hono<Peer>({ strict: false });
  mountMonitoring(app, deps);
  app.notFound(() => tell(404, "here are /healthz, /readyz and /metrics"));
  return app;
}

const tell = (status: number, sentence: string) => answer(status, `${sentence}\n`, TEXT);

const answer = (status: number, text: string, contentType: string) =>
  new Response(text, {
    status,
    headers: { "content-type": contentType, "cache-control": "no-store", "x-content-type-options": "nosniff" },
  });
