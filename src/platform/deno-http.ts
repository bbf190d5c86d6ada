import type { Address } from "../kernel/address.ts";
import { upgradeOnDeno } from "./deno-websocket.ts";
import { Drain } from "./drain.ts";
import type { HttpHandler, HttpOptions, HttpServer } from "./http.ts";
import type { DenoRuntime } from "./runtime.ts";
import { asksForWebSocket, REFUSALS } from "./websocket.ts";

/**
 * `serveHttp` on Deno. Two things that Bun does are missing there: connections on which nothing happens are not closed, and nothing bounds
 * the request line and headers but Deno's own 64 kB or so.
 */
export function serveHttpOnDeno(
  deno: DenoRuntime,
  { host, port }: Address,
  handle: HttpHandler,
  { webSockets: sockets, tls }: HttpOptions,
): HttpServer {
  const drain = new Drain();
  const cut = new AbortController();
  const serve = async (request: Request, address: string) => {
    drain.arrived();
    const response = await handle(request, () => address);
    return drain.isStopping ? drain.last(response) : response;
  };
  const server = deno.serve(
    {
      hostname: host,
      port,
      ...(tls && { cert: tls.certPem, key: tls.keyPem }),
      signal: cut.signal,
      // It would change the entity tags that clients send back to us.
      automaticCompression: false,
      // What it prints by itself when it listens is not ours to say.
      onListen: () => undefined,
    },
    (request, { remoteAddr }) => {
      if (!sockets || !asksForWebSocket(request)) return serve(request, remoteAddr.hostname);
      return drain.isStopping
        ? REFUSALS.stopping()
        : upgradeOnDeno(deno, sockets, request, remoteAddr, tls !== undefined);
    },
  );
  return {
    port: server.addr.port,
    async stop(drainMs) {
      // A server that has ended by itself cannot be cut off any more: it would be an error.
      await drain.stop({ close: () => server.shutdown(), cut: () => cut.abort() }, drainMs);
      sockets?.stop();
    },
    // WebSockets are ended by it, too.
    retire: () => server.shutdown(),
  };
}
