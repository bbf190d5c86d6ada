import { join } from "node:path";
import type { Figure } from "../measures/figure.ts";
import { median } from "../measures/percentiles.ts";
import type { Options } from "../setup/options.ts";
import { type World, warmFile } from "../setup/world.ts";
import type { StoreJob, StoreResult } from "./store-worker.ts";

/** As many writers as the APIs have connections, so that groups have the same size. */
const WRITERS = 64;
const WARM_UP_MS = 500;
const GROWTH_REQUIRED = 0.5;

/** Commands per second of the store alone, in its own process, in rounds that alternate between sizes. */
export async function measureStore(worlds: readonly World[], options: Options, signal: AbortSignal): Promise<Figure[]> {
  const rounds: StoreResult[][] = [];
  for (let round = 1; round <= options.rounds; round++) {
    const results: StoreResult[] = [];
    for (const world of worlds) results.push(await runWorker(world, options, signal));
    rounds.push(results);
    process.stderr.write(`store round ${round}: ${results.map(({ rate }) => `${Math.round(rate)}/s`).join(", ")}\n`);
  }
  return worlds.flatMap((world, index) => figuresOf(worlds, world, index, rounds));
}

async function runWorker(world: World, { seconds }: Options, signal: AbortSignal): Promise<StoreResult> {
  signal.throwIfAborted();
  warmFile(world);
  const job: StoreJob = {
    dataDir: world.dataDir,
    account: world.account.account,
    writers: WRITERS,
    warmUpMs: WARM_UP_MS,
    measureMs: seconds * 1000,
  };
  const worker = Bun.spawn([process.execPath, join(import.meta.dir, "store-worker.ts"), JSON.stringify(job)], {
    stdio: ["ignore", "pipe", "inherit"],
    signal,
  });
  const text = await new Response(worker.stdout).text();
  const code = await worker.exited;
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`the store's worker ended with ${code}`);
  return JSON.parse(text);
}

function figuresOf(worlds: readonly World[], world: World, index: number, rounds: StoreResult[][]): Figure[] {
  const results = rounds.map((round) => round[index] as StoreResult);
  const longest = Math.max(...results.map(({ maxMs }) => maxMs));
  const wal = Math.max(...results.map(({ walBytesMax }) => walBytesMax));
  const figure: Figure = {
    row: "store",
    twins: world.twins,
    rate: median(results.map(({ rate }) => rate)),
    p50Ms: median(results.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(results.map(({ p99Ms }) => p99Ms)),
    maxMs: longest,
    note: `longest group ${longest.toFixed(0)} ms, largest log ${(wal / 1e6).toFixed(1)} MB`,
  };
  if (index === 0) return [figure];
  const growth: Figure = {
    row: `store, against ${worlds[0]?.twins}`,
    twins: world.twins,
    ratio: median(rounds.map((round) => (round[index] as StoreResult).rate / (round[0] as StoreResult).rate)),
    required: { of: "ratio", atLeast: GROWTH_REQUIRED },
  };
  return [figure, growth];
}
