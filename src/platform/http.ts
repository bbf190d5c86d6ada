import type { Address } from "../kernel/address.ts";
import { serveHttpOnDeno } from "./deno-http.ts";
import { Drain } from "./drain.ts";
import { listening } from "./listen-error.ts";
import { deno } from "./runtime.ts";
import type { TlsPair } from "./tls.ts";
import { asksForWebSocket, REFUSALS, type Upgraded, type webSockets } from "./websocket.ts";

export type HttpServer = {
  readonly port: number;
  /** Ends every connection with its next answer, then accepts nothing new, and resolves when all have theirs or `drainMs` is over. */
  stop(drainMs: number): Promise<void>;
  /** Accepts nothing new, and resolves when everybody who is connected has gone by themselves. */
  retire(): Promise<void>;
};

/**
 * A request that arrives, how to learn the address it came from, which few need, and how to tell that its body is arriving: until that is
 * told to be over, the connection is not closed for having been open too long.
 */
export type HttpHandler = (
  request: Request,
  peerAddress: () => string,
  arriving?: (isArriving: boolean) => void,
) => Response | Promise<Response>;

/**
 * Seconds after which a connection is closed whose request has not come whole, or that has no request, so that idle or dripping callers cannot
 * pile up. The runtime counts them from the request's first byte on, whatever comes after it.
 */
const IDLE_SECONDS = 60;

export type HttpOptions = {
  /** MQTT over WebSocket, which the port serves too. */
  webSockets?: ReturnType<typeof webSockets>;
  /** HTTPS with this certificate, instead of HTTP. Such a server may have a successor beside it, on the same port. */
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
 * Gathers what arrives in one turn of the event loop. Requests are so handled step by step beside each other, and answered after that: a
 * system call between two of them (each answer is one) makes the processor forget what it has learnt of our code and of the
 * database's. With 64 connections a `get_twin` takes 60 µs of processor time when each is answered before the next is looked at, and 38 so.
 */
function gatherer(): () => Promise<void> {
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
  const together = gatherer();
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
    // The app counts bodies itself and answers in the words of its surface; the runtime would answer an empty 413.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    // Without development mode the runtime shares ports by itself: a second server would take half of the first one's calls.
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

/** Without a usable `Host` (HTTP/1.0 needs none) the runtime gives a bare path for a URL, which nothing else understands. */
const withHost = (request: Request) =>
  request.url.startsWith("/") ? new Request(`http://localhost${request.url}`, request) : request;
