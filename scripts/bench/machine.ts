import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { temporaryFolder } from "../../test/support/server-process.ts";
import { Samples } from "./percentiles.ts";

/** What the figures were measured on. */
export type Machine = {
  cpu: string;
  cores: number;
  memoryGb: number;
  platform: string;
  bun: string;
  /** What the disk takes to keep four kilobytes: the price of each group commit, wherever temporary files are. */
  syncMs: { p50: number; p99: number };
  /** Of the last minute: who else was using the machine. */
  loadAverage: number;
};

export function describeMachine(): Machine {
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
