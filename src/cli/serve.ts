import { hasAccounts } from "../access/model/rows.ts";
import { COMMANDS } from "../commands.ts";
import { loadConfig } from "../config.ts";
import type { Deps } from "../deps.ts";
import { createApp } from "../http/app.ts";
import { keepAllMessageCounts } from "../hub/metrics/count-messages.ts";
import { Deliverer } from "../jobs/deliverer.ts";
import { jobs } from "../jobs/jobs.ts";
import { scheduledBackups } from "../jobs/scheduled-backups.ts";
import { Scheduler } from "../jobs/scheduler.ts";
import { systemClock } from "../kernel/clock.ts";
import { describeError } from "../kernel/failure.ts";
import { BodyBudget } from "../kernel/fairness/body-budget.ts";
import { FairSlices } from "../kernel/fairness/fair-slices.ts";
import { FairTurns } from "../kernel/fairness/fair-turns.ts";
import { createLog } from "../kernel/log.ts";
import { systemRandom } from "../kernel/random.ts";
import { Tally } from "../kernel/tally.ts";
import { VERSION } from "../kernel/version.ts";
import { Metrics } from "../metrics/metrics.ts";
import { Broker } from "../mqtt/broker.ts";
import type { HttpHandler } from "../platform/http.ts";
import { systemNet } from "../platform/net.ts";
import { programCall, runSelf } from "../platform/process.ts";
import { startWriterThread } from "../platform/thread.ts";
import { obtainKey } from "../store/keys/sealed-keys.ts";
import { openServerStore } from "../store/store.ts";
import { openAdmin } from "./admin.ts";
import { openDevices } from "./devices.ts";
import { readProcess, watchEventLoop } from "./process-metrics.ts";
import { ServerCertificate } from "./server-certificate.ts";
import { DRAIN_MS, drain, endInTime, stopSignal } from "./stop.ts";
import { openWeb } from "./web.ts";

/** How long shutdown keeps reading from devices that have unanswered requests. */
const LAST_WORDS_MS = 250;
const USER_TOKEN_KEY_BYTES = 32;

/**
 * `twinpost serve`: starts everything, and resolves after a signal has stopped it cleanly. A second signal ends the
 * process at once.
 */
export async function serve(flags: Record<string, string>): Promise<void> {
  const config = loadConfig(flags);
  const clock = systemClock;
  const random = systemRandom;
  const log = createLog(config.logLevel, clock.now, (line) => process.stderr.write(line));
  const certificate = config.tls && new ServerCertificate({ clock, log }, config.tls);
  const stopped = stopSignal();
  const metrics = new Metrics();
  readProcess(metrics, clock.now());
  const stopping = new AbortController();
  const writerThread = { port: startWriterThread(), commands: COMMANDS };
  const store = await openServerStore({ dataDir: config.dataDir, clock, random, log, metrics, writerThread });
  try {
    const userTokenKey = await obtainKey(store, "user-token-key", () => random.bytes(USER_TOKEN_KEY_BYTES));
    const deps: Deps = {
      store,
      clock,
      random,
      log,
      config,
      metrics,
      stopping: stopping.signal,
      net: systemNet({ now: clock.now, servers: config.dnsServers, metrics }),
      messages: new Tally(),
      bodies: new BodyBudget(),
      largeWrites: new FairTurns(),
      slices: new FairSlices(),
      userTokenKey,
    };
    const app = createApp(deps);
    const broker = new Broker(deps);
    await broker.start();
    const devices = openDevices(deps, broker.accept, certificate);
    const handle: HttpHandler = (request, peerAddress, arriving) => app.fetch(request, { peerAddress, arriving });
    const server = await openWeb(config, handle, devices.webSockets, certificate);
    const mqtt = await devices.listen();
    const admin = openAdmin(deps);
    const unwatch = watchEventLoop(metrics, clock);
    const backUpTo = (file: string) => backUpBeside(config.dataDir, file, stopping.signal);
    const ownJobs = [...scheduledBackups(config, backUpTo), ...(certificate?.jobs() ?? [])];
    const scheduler = new Scheduler(deps, [...jobs(), ...broker.jobs(), ...ownJobs]);
    const deliverer = new Deliverer(deps);
    scheduler.start();
    deliverer.start();
    if (certificate) process.on("SIGHUP", () => void certificate.reload({ asked: true }));
    const served = { version: VERSION, http: server.urls, mqtt, admin: admin?.url ?? null, dataDir: config.dataDir };
    log.info("serve.started", served);
    if (admin) process.stdout.write(`Health and metrics are served at ${admin.url}\n`);
    process.stdout.write(`Twinpost ${VERSION} serves ${[...server.urls, ...mqtt].join(", ")}\n`);
    if (!store.read(hasAccounts)) {
      const dataDir = flags["data-dir"] ? ` --data-dir ${flags["data-dir"]}` : "";
      process.stdout.write(
        `There is no account yet. Create one: ${programCall()} account create --name NAME${dataDir}\n`,
      );
    }
    log.info("serve.stopping", { signal: await stopped });
    endInTime(log);
    stopping.abort();
    devices.stopListening();
    const sendDevicesAway = async () => {
      await broker.stop(LAST_WORDS_MS);
      await devices.close(DRAIN_MS);
    };
    await drain(log, [scheduler.stop(), server.stop(DRAIN_MS), sendDevicesAway(), deliverer.stop(DRAIN_MS)]);
    // If the disk refuses the write, only the messages counted in the last minute are lost.
    await keepAllMessageCounts(deps).catch((error) => log.warn("metrics.not_kept", { error: describeError(error) }));
    unwatch();
    await admin?.stop();
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
