import type { Address } from "../kernel/address.ts";
import { sleep, systemClock } from "../kernel/clock.ts";
import { type HttpHandler, type HttpOptions, type HttpServer, serveHttp } from "./http.ts";
import { ListenError } from "./listen-error.ts";
import type { TlsPair } from "./tls.ts";

type HttpsServer = Pick<HttpServer, "port" | "stop"> & {
  /** For handshakes from now on; requests in work and WebSockets go on. */
  setCertificate(pair: TlsPair): Promise<void>;
};

/** How often a port that was just given up is asked for again. Where two listeners can share it, it need not be given up. */
const TRIES_MAX = 100;

/**
 * `serveHttp` over TLS 1.2 and 1.3. No runtime gives a server of its own another certificate, so that is served by a successor on the
 * same port, and the server before it keeps those who are connected. What the system has accepted for it in the very last moment is
 * reset: with 100 new connections a second, one in some hundred changes.
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
        await moment();
        retire(before);
      } catch (error) {
        if (!isTaken(error)) throw error;
        // Two at a time is something that Linux does, and Deno does not.
        retire(before);
        current = await insist(() => listen(pair));
      }
    },
    async stop(drainMs) {
      await Promise.all([current, ...retired].map((server) => server.stop(drainMs)));
    },
  };
}

/** The address, with a port that nobody else listens on: a listener that lets others share its port would share it with anybody's. */
async function claim(address: Address): Promise<Address> {
  const server = serveHttp(address, () => new Response());
  await server.stop(0);
  return { ...address, port: server.port };
}

async function insist<Server>(listen: () => Server): Promise<Server> {
  for (let tries = 1; ; tries += 1) {
    await moment();
    try {
      return listen();
    } catch (error) {
      if (!isTaken(error) || tries === TRIES_MAX) throw error;
    }
  }
}

const isTaken = (error: unknown) =>
  error instanceof ListenError && (error.cause as { code?: unknown }).code === "EADDRINUSE";

/** Whatever has come by now is looked at before it is over. */
const moment = () => sleep(systemClock, 1);
