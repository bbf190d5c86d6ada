import type { Address } from "../kernel/address.ts";
import { sleep, systemClock } from "../kernel/clock.ts";
import { type HttpHandler, type HttpOptions, type HttpServer, serveHttp } from "./http.ts";
import { ListenError } from "./listen-error.ts";
import type { TlsPair } from "./tls.ts";

type HttpsServer = Pick<HttpServer, "port" | "stop"> & {
  /** Applies to new handshakes; requests in progress and WebSockets continue. */
  setCertificate(pair: TlsPair): Promise<void>;
};

/**
 * Maximum number of attempts to bind a port that was just released. Where two listeners can share the port, it is not
 * released.
 */
const TRIES_MAX = 100;

/**
 * `serveHttp` over TLS 1.2 and 1.3. No runtime can replace the certificate of a running server, so a successor with the
 * new one takes over the port, and the previous server keeps its connections. Connections that the system accepted for
 * the previous server in the last tick of the event loop are reset: with 100 new connections a second, this happens in
 * one of a few hundred changes.
 */
export async function serveHttps(
  address: Address,
  handle: HttpHandler,
  { tls, ...options }: HttpOptions & { tls: TlsPair },
): Promise<HttpsServer> {
  const own = await claim(address);
  const listen = (pair: TlsPair) => serveHttp(own, handle, { ...options, tls: pair });
  let current = listen(tls);
  const retired = new Set<HttpServer>();
  const retire = (server: HttpServer) => {
    if (retired.has(server)) return;
    retired.add(server);
    void server.retire().then(() => retired.delete(server));
  };
  return {
    port: own.port,
    async setCertificate(pair) {
      const before = current;
      try {
        current = listen(pair);
        await oneTick();
        retire(before);
      } catch (error) {
        if (!isTaken(error)) throw error;
        // Linux allows two listeners on a port; Deno does not.
        retire(before);
        current = await retryListen(() => listen(pair));
      }
    },
    async stop(drainMs) {
      await Promise.all([current, ...retired].map((server) => server.stop(drainMs)));
    },
  };
}

/** Finds a port that no other program listens on: a listener that shares its port would share it with any program. */
async function claim(address: Address): Promise<Address> {
  const server = serveHttp(address, () => new Response());
  await server.stop(0);
  return { ...address, port: server.port };
}

async function retryListen<Server>(listen: () => Server): Promise<Server> {
  for (let tries = 1; ; tries += 1) {
    await oneTick();
    try {
      return listen();
    } catch (error) {
      if (!isTaken(error) || tries === TRIES_MAX) throw error;
    }
  }
}

const isTaken = (error: unknown) =>
  error instanceof ListenError && (error.cause as { code?: unknown }).code === "EADDRINUSE";

/** Lets the event loop handle connections that have already arrived. */
const oneTick = () => sleep(systemClock, 1);
