import type { Config } from "../config.ts";
import { type Address, formatAddress } from "../kernel/address.ts";
import { type HttpHandler, type HttpOptions, type HttpServer, serveHttp } from "../platform/http.ts";
import { serveHttps } from "../platform/https.ts";
import type { ServerCertificate } from "./server-certificate.ts";

/** Serves REST and MQTT over WebSocket on the configured HTTP and HTTPS addresses. */
export async function openWeb(
  { http, https }: Pick<Config, "http" | "https">,
  handle: HttpHandler,
  webSockets: NonNullable<HttpOptions["webSockets"]>,
  certificate: ServerCertificate | null,
) {
  const servers: Pick<HttpServer, "stop">[] = [];
  const urls: string[] = [];
  const add = (scheme: string, { host }: Address, server: Pick<HttpServer, "port" | "stop">) => {
    servers.push(server);
    urls.push(`${scheme}://${formatAddress({ host, port: server.port })}`);
  };
  if (http) add("http", http, serveHttp(http, handle, { webSockets }));
  if (https && certificate) {
    const server = await serveHttps(https, handle, { webSockets, tls: certificate.pair });
    certificate.servedBy(server);
    add("https", https, server);
  }
  return {
    /** The addresses it listens on. */
    urls,
    /** Stops accepting requests, and resolves when those in progress are answered or after `drainMs`. */
    async stop(drainMs: number): Promise<void> {
      await Promise.all(servers.map((server) => server.stop(drainMs)));
    },
  };
}
