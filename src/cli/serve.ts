import { hasAccounts } from "../access/model/rows.ts";
import { loadConfig } from "../config.ts";
import { scheduledBackups } from "../jobs/scheduled-backups.ts";
import { systemClock } from "../kernel/clock.ts";
import { createLog } from "../kernel/log.ts";
import { systemRandom } from "../kernel/random.ts";
import { VERSION } from "../kernel/version.ts";
import { Metrics } from "../metrics/metrics.ts";
import { systemNet } from "../platform/net.ts";
import { programCall, runSelf } from "../platform/process.ts";
import { listen } from "../server/listen.ts";
import { openServer } from "../server/open-server.ts";
import { registerProcessMetrics } from "../server/process-metrics.ts";
import { ServerCertificate } from "../server/server-certificate.ts";
import { exitAfterTimeout, stopSignal } from "../server/stop.ts";

/**
 * `twinpost serve`: starts everything, and resolves after a signal has stopped it cleanly. A second signal ends the
 * process at once.
 */
export async function serve(flags: Record<string, string>): Promise<void> {
  const config = loadConfig(flags);
  const clock = systemClock;
  const log = createLog(config.logLevel, clock.now, (line) => process.stderr.write(line));
  const certificate = config.tls && new ServerCertificate({ clock, log }, config.tls);
  const stopped = stopSignal();
  const metrics = new Metrics();
  registerProcessMetrics(metrics, clock.now());
  const stopping = new AbortController();
  const backUpTo = (file: string) => backUpBeside(config.dataDir, file, stopping.signal);
  const net = systemNet({ now: clock.now, servers: config.dnsServers, metrics });
  const server = await openServer(
    { config, clock, random: systemRandom, log, metrics, stopping: stopping.signal, net },
    { hasWriterThread: true, jobs: [...scheduledBackups(config, backUpTo), ...(certificate?.jobs() ?? [])] },
  );
  const { store } = server.deps;
  try {
    const { urls, mqtt, admin, stop } = await listen(server, certificate);
    if (certificate) process.on("SIGHUP", () => void certificate.reload({ asked: true }));
    log.info("serve.started", { version: VERSION, http: urls, mqtt, admin, dataDir: config.dataDir });
    if (admin) process.stdout.write(`Health and metrics are at ${admin}\n`);
    process.stdout.write(`Twinpost ${VERSION} serves ${[...urls, ...mqtt].join(", ")}\n`);
    if (!store.read(hasAccounts)) {
      const dataDir = flags["data-dir"] ? ` --data-dir ${flags["data-dir"]}` : "";
      process.stdout.write(
        `There is no account yet. Create one: ${programCall()} account create --name NAME${dataDir}\n`,
      );
    }
    log.info("serve.stopping", { signal: await stopped });
    exitAfterTimeout(log);
    stopping.abort();
    await stop();
  } finally {
    await store.close();
  }
  log.info("serve.stopped");
}

/**
 * Runs in its own process: copying a large database takes minutes, must not outlive the server, and must not take
 * processor time from requests.
 */
async function backUpBeside(dataDir: string, file: string, signal: AbortSignal): Promise<void> {
  const { code, stderr } = await runSelf(["backup", file, "--data-dir", dataDir], signal);
  if (code !== 0) throw new Error(`the backup failed: ${stderr.trim()}`);
}
