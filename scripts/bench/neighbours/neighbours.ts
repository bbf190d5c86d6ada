import { join } from "node:path";
import { LOOPBACK } from "../../../test/support/notifications/subscribe-webhook.ts";
import {
  type Account,
  createAccount,
  startServer,
  temporaryFolder,
} from "../../../test/support/process/server-process.ts";
import { residentKb } from "../measures/resident.ts";
import type { Options } from "../setup/options.ts";
import type { FloodJob, FloodReport } from "./flood-worker.ts";
import { FLOOD_NAMES, type FloodName } from "./floods.ts";
import { limitMemory } from "./memory-limit.ts";
import { type Experience, QuietTenant } from "./quiet-tenant.ts";

/** Concurrent hostile accounts, and how many times the quiet p99 the neighbour may wait beside them. */
const CROWDS = [
  { attackers: 1, times: 3 },
  { attackers: 5, times: 5 },
] as const;
const MEMORY_EVERY_MS = 200;
/** Not counted: code that runs for the first time is slow. */
const WARM_UP_MS = 2000;
/**
 * A hostile company has its own machines: here its generator gets only idle processor time, where the system can do
 * that.
 */
const IDLE = Bun.which("chrt") ? ["chrt", "--idle", "0"] : ["nice", "-n", "19"];

/** The memory of a small machine, and of the server under all floods together. */
const SMALL_BYTES = 512 * 1024 * 1024;

export type NeighbourRow = {
  floods: readonly FloodName[];
  attackers: number;
  times: number;
  quiet: Experience;
  beside: Experience;
  answers: Record<number, number>;
  memoryMb: number;
  /** The server's memory limit. */
  limitMb: number | null;
  /** Whether the server was still running at the end. */
  survived: boolean;
};

/**
 * Measures a quiet neighbour alone, then beside each flood whose name contains one of the texts, of one and of five
 * accounts, and last beside all of these together on a server with 512 MB.
 */
export async function measureNeighbours(
  wanted: readonly string[],
  { program, seconds }: Options,
  signal: AbortSignal,
): Promise<NeighbourRow[]> {
  const rows: NeighbourRow[] = [];
  const measure = async (floods: readonly FloodName[], crowd: (typeof CROWDS)[number]) => {
    signal.throwIfAborted();
    const row = await measureBeside(floods, crowd, { program, ms: seconds * 1000 });
    rows.push(row);
    const name = floods.length > 1 ? "all" : floods;
    process.stderr.write(
      `${name} of ${crowd.attackers}: ${JSON.stringify(row.beside)} ${row.memoryMb.toFixed(0)} MB\n`,
    );
  };
  const chosen = FLOOD_NAMES.filter((name) => wanted.some((text) => name.includes(text)));
  for (const flood of chosen) for (const crowd of CROWDS) await measure([flood], crowd);
  if (chosen.length > 1) await measure(chosen, CROWDS[1]);
  return rows;
}

type Setting = { program: readonly string[]; ms: number };

async function measureBeside(
  floods: readonly FloodName[],
  { attackers, times }: (typeof CROWDS)[number],
  { program, ms }: Setting,
): Promise<NeighbourRow> {
  await using stack = new AsyncDisposableStack();
  const { path: dataDir } = stack.use(temporaryFolder());
  const limit = floods.length > 1 ? limitMemory(SMALL_BYTES) : undefined;
  if (limit) stack.use(limit);
  const [account, ...hostile] = await createAccounts(1 + attackers, { dataDir, program });
  const limited = [...(limit?.prefix ?? []), ...program];
  const server = stack.use(await startServer({ dataDir, program: limited, env: LOOPBACK }));
  let survived = true;
  void server.exited.then(() => {
    survived = false;
  });
  const place = { url: server.url, mqttUrl: server.mqttUrl };
  const tenant = stack.use(await QuietTenant.open({ ...place, account: account as Account }));
  await tenant.live(WARM_UP_MS);
  const quiet = await tenant.live(ms);
  const workers = await Promise.all(
    floods.map((flood) => startFlood({ flood, attackers: hostile.map((account) => ({ ...place, account })) })),
  );
  for (const worker of workers) stack.use(worker);
  let memoryMb = 0;
  const timer = setInterval(() => {
    memoryMb = Math.max(memoryMb, residentKb(server.pid) / 1024);
  }, MEMORY_EVERY_MS);
  await tenant.live(WARM_UP_MS);
  const beside = await tenant.live(ms);
  clearInterval(timer);
  const answers: Record<number, number> = {};
  for (const worker of workers) {
    for (const [status, count] of Object.entries(await worker.report()))
      answers[Number(status)] = (answers[Number(status)] ?? 0) + count;
  }
  const limitMb = limit ? SMALL_BYTES / 1024 / 1024 : null;
  return { floods, attackers, times, quiet, beside, answers, memoryMb, limitMb, survived };
}

async function createAccounts(count: number, options: { dataDir: string; program: readonly string[] }) {
  const accounts: Account[] = [];
  while (accounts.length < count) accounts.push(await createAccount(options, `Company ${accounts.length}`));
  return accounts;
}

/** Starts a flood in its own process, and resolves when it is running. */
async function startFlood(job: FloodJob) {
  const underWay = Promise.withResolvers<void>();
  let reported = Promise.withResolvers<Record<number, number>>();
  const child = Bun.spawn([...IDLE, process.execPath, join(import.meta.dir, "flood-worker.ts")], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (report: FloodReport) => ("answers" in report ? reported.resolve(report.answers) : underWay.resolve()),
    onExit: () => underWay.reject(new Error("the flood ended")),
  });
  child.send(job);
  await underWay.promise;
  return {
    report() {
      reported = Promise.withResolvers();
      child.send("report");
      return reported.promise;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
