import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { temporaryFolder } from "../../../test/support/process/server-process.ts";
import { decimals } from "./numbers.ts";
import { Samples } from "./percentiles.ts";

/** The machine of the figures. */
export type Machine = {
  cpu: string;
  cores: number;
  memoryGb: number;
  platform: string;
  bun: string;
  /** How long the disk takes to sync four kilobytes: the cost of each group commit, where temporary files are. */
  syncMs: { p50: number; p99: number };
  /** Of the last minute: the load of other users. */
  loadAverage: number;
};

export function inspectMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${type()} ${release()} ${process.arch}`,
    bun: Bun.version,
    syncMs: measureSync(),
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** One line for the hardware, and one for the disk and the load. */
export function describeMachine({
  cpu,
  cores,
  memoryGb,
  platform,
  bun,
  syncMs,
  loadAverage,
}: Machine): [string, string] {
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${platform}, bun ${bun}`,
    `fdatasync of 4 kB: p50 ${decimals(syncMs.p50, 2)} ms, p99 ${decimals(syncMs.p99, 2)} ms; load average before: ${decimals(loadAverage, 2)}`,
  ];
}

const SYNCS = 200;

function measureSync(): { p50: number; p99: number } {
  using folder = temporaryFolder();
  const file = openSync(join(folder.path, "sync"), "w");
  const samples = new Samples();
  for (let i = 0; i < SYNCS; i++) {
    writeSync(file, Buffer.alloc(4096, i));
    const began = performance.now();
    fdatasyncSync(file);
    samples.add(performance.now() - began);
  }
  closeSync(file);
  const { p50Ms, p99Ms } = samples.summary();
  return { p50: p50Ms, p99: p99Ms };
}
