import type { Deps } from "../deps.ts";
import { createMonitoringApp } from "../http/monitoring.ts";
import { formatAddress } from "../kernel/address.ts";
import { serveHttp } from "../platform/http.ts";

/**
 * Serves health and metrics, and nothing else, on the admin address if there is one. It stops last, to report that the
 * server is stopping.
 */
export function openAdmin(deps: Deps): { url: string; stop(): Promise<void> } | null {
  const { admin } = deps.config;
  if (!admin) return null;
  const app = createMonitoringApp(deps);
  const server = serveHttp(admin, (request, peerAddress) => app.fetch(request, { peerAddress }));
  return { url: `http://${formatAddress({ ...admin, port: server.port })}`, stop: () => server.stop(0) };
}
