import type { Address } from "../kernel/address.ts";
import { serveHttpOnDeno } from "./deno-http.ts";
import { Drain } from "./drain.ts";
import { listening } from "./listen-error.ts";
import { deno } from "./runtime.ts";
import type { TlsPair } from "./tls.ts";
import { asksForWebSocket, REFUSALS, type Upgraded, type webSockets } from "./websocket.ts";

export type HttpServer = {
  readonly port: number;
  /**
   * Ends every connection with its next response, stops accepting, and resolves when all are answered or after
   * `drainMs`.
   */
  stop(drainMs: number): Promise<void>;
  /** Stops accepting, and resolves when every client has disconnected by itself. */
  retire(): Promise<void>;
};

/**
 * Handles a request. `peerAddress` returns the client's address, which few handlers need. While a handler has reported
 * by `arriving` that a body is arriving, the connection is not closed by the idle limit.
 */
export type HttpHandler = (
  request: Request,
  peerAddress: () => string,
  arriving?: (isArriving: boolean) => void,
) => Response | Promise<Response>;

/**
 * Seconds after which a connection is closed whose request is incomplete, or that has no request, so that idle or slow
 * clients cannot accumulate. The runtime counts them from the request's first byte, regardless of what arrives after
 * it.
 */
const IDLE_SECONDS = 60;

export type HttpOptions = {
  /** MQTT over WebSocket on the same port. */
  webSockets?: ReturnType<typeof webSockets>;
  /** Serves HTTPS with this certificate instead of HTTP. Such a server may share its port with a successor. */
  tls?: TlsPair;
};

export function serveHttp(address: Address, handle: HttpHandler, options: HttpOptions = {}): HttpServer {
  const runtime = deno;
  if (runtime) return listening(address, () => serveHttpOnDeno(runtime, address, handle, options));
  const drain = new Drain();
  const server = listening(address, () => start(address, handle, drain, options));
  return {
    port: server.port as number,
    async stop(drainMs) {
      await drain.stop({ close: () => server.stop(), cut: () => server.stop(true) }, drainMs);
      options.webSockets?.stop();
    },
    retire: () => server.stop(),
  };
}

/**
 * Collects the requests that arrive in one turn of the event loop. They are handled interleaved, step by step, and
 * answered afterwards: a system call between two of them (each response is one) costs the processor its caches and
 * branch history of our code and the database's. With 64 connections a `get_twin` takes 60 µs of processor time if
 * each is answered before the next is handled, and 38 µs in this way.
 */
function requestCollector(): () => Promise<void> {
  let gathered: Promise<void> | undefined;
  return () => {
    gathered ??= new Promise((done) =>
      setImmediate(() => {
        gathered = undefined;
        done();
      }),
    );
    return gathered;
  };
}

function start({ host, port }: Address, handle: HttpHandler, drain: Drain, { webSockets, tls }: HttpOptions) {
  const together = requestCollector();
  const serve = async (request: Request, server: Bun.Server<unknown>) => {
    drain.arrived();
    await together();
    const response = await handle(
      withHost(request),
      () => server.requestIP(request)?.address ?? "",
      (isArriving) => server.timeout(request, isArriving ? 0 : IDLE_SECONDS),
    );
    return drain.isStopping ? drain.last(response) : response;
  };
  const common = {
    hostname: host,
    port,
    idleTimeout: IDLE_SECONDS,
    // The app limits bodies itself and refuses them in the API's format; the runtime would send an empty 413.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    // Outside development mode the runtime shares ports by default: a second server would receive half of the first
    // one's requests.
    reusePort: tls !== undefined,
    ...(tls && { tls: { cert: tls.certPem, key: tls.keyPem } }),
  };
  if (!webSockets) return Bun.serve({ ...common, fetch: serve });
  return Bun.serve<Upgraded>({
    ...common,
    fetch(request, server) {
      if (!asksForWebSocket(request)) return serve(request, server);
      return drain.isStopping ? REFUSALS.stopping() : webSockets.upgrade(request, server, tls !== undefined);
    },
    websocket: webSockets.handler,
  });
}

/** Without a usable `Host` (HTTP/1.0 needs none) the runtime's URL is a bare path, which no URL parser accepts. */
const withHost = (request: Request) =>
  request.url.startsWith("/") ? new Request(`http://localhost${request.url}`, request) : request;
