import type { Address } from "../kernel/address.ts";
import { upgradeOnDeno } from "./deno-websocket.ts";
import { Drain } from "./drain.ts";
import type { HttpHandler, HttpOptions, HttpServer } from "./http.ts";
import type { DenoRuntime } from "./runtime.ts";
import { asksForWebSocket, REFUSALS } from "./websocket.ts";

/**
 * `serveHttp` on Deno. Unlike Bun, Deno does not close idle connections, and the only limit on the request line and
 * headers is its own of about 64 kB.
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
      // Compression would change the entity tags that clients send back.
      automaticCompression: false,
      // Deno would print a message of its own when it listens.
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
      // Aborting a server that has already finished would be an error.
      await drain.stop({ close: () => server.shutdown(), cut: () => cut.abort() }, drainMs);
      sockets?.stop();
    },
    // This closes WebSockets too.
    retire: () => server.shutdown(),
  };
}
