import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { residentKb } from "../measures/resident.ts";
import type { Latencies } from "./recorder.ts";

/** A server's use of resources. NaN where there is no /proc. */
export type Health = { memoryMb: number; descriptors: number; threads: number; databaseMb: number; logMb: number };

/** One window of a soak. */
export type Sample = Health & { minute: number; latencies: Latencies };

export const readHealth = ({ pid, dataDir }: { pid: number; dataDir: string }): Health => ({
  memoryMb: residentKb(pid) / 1024,
  descriptors: countIn(`/proc/${pid}/fd`),
  threads: countIn(`/proc/${pid}/task`),
  databaseMb: sizeOf(join(dataDir, "twinpost.db")),
  logMb: sizeOf(join(dataDir, "twinpost.db-wal")),
});

function countIn(folder: string): number {
  try {
    return readdirSync(folder).length;
  } catch {
    return Number.NaN;
  }
}

const sizeOf = (file: string) => statSync(file).size / 1e6;
