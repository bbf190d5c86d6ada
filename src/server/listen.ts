import { keepAllMessageCounts } from "../hub/metrics/count-messages.ts";
import { describeError } from "../kernel/failure.ts";
import { openAdmin } from "./admin.ts";
import { openDevices } from "./devices.ts";
import type { Server } from "./open-server.ts";
import { watchEventLoop } from "./process-metrics.ts";
import type { ServerCertificate } from "./server-certificate.ts";
import { DRAIN_MS, drain } from "./stop.ts";
import { openWeb } from "./web.ts";

/** How long shutdown keeps reading from devices that have unanswered requests. */
const LAST_WORDS_MS = 250;

/** Opens every listener of the configuration, and starts jobs and deliveries. */
export async function listen(server: Server, certificate: ServerCertificate | null) {
  const { deps, deliverer } = server;
  const { config, log } = deps;
  // Before the first request, which would wait for it.
  server.app();
  const { broker, scheduler } = await server.openBroker();
  const devices = openDevices(deps, broker.accept, certificate);
  const web = await openWeb(config, server.handle, devices.webSockets, certificate);
  const mqtt = await devices.listen();
  const admin = openAdmin(deps);
  const unwatch = watchEventLoop(deps.metrics, deps.clock);
  const schedulers = [server.scheduler, scheduler];
  for (const one of schedulers) one.start();
  deliverer.start();
  const sendDevicesAway = async () => {
    await broker.stop(LAST_WORDS_MS);
    await devices.close(DRAIN_MS);
  };
  return {
    urls: web.urls,
    mqtt,
    admin: admin?.url ?? null,
    /** Accepts nothing new. Resolves when the work in progress is done or its time is over. The store stays open. */
    async stop(): Promise<void> {
      devices.stopListening();
      const stopped = schedulers.map((one) => one.stop());
      await drain(log, [...stopped, web.stop(DRAIN_MS), sendDevicesAway(), deliverer.stop(DRAIN_MS)]);
      // If the disk refuses the write, only the messages counted in the last minute are lost.
      await keepAllMessageCounts(deps).catch((error) => log.warn("metrics.not_kept", { error: describeError(error) }));
      unwatch();
      await admin?.stop();
    },
  };
}
