import { readFileSync } from "node:fs";
import { median } from "./percentiles.ts";

/** The kernel's unit: 100 a second on every Linux we know of. */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time used so far, or during an interval. */
export type CpuTimes = {
  /** All threads and processes of the server. */
  server: number;
  load: number;
  others: number;
};

/** NaN where there is no /proc. */
export function readCpuTimes(serverPids: readonly number[]): CpuTimes {
  const processes = serverPids.flatMap((pid) => [pid, ...childrenOf(pid)]);
  const server = processes.reduce((sum, pid) => sum + secondsOf(`/proc/${pid}/stat`), 0);
  return {
    server,
    load: mainThreadSeconds(process.pid),
    others: machineSeconds() - server - secondsOf(`/proc/${process.pid}/stat`),
  };
}

/** Shares of one processor between two readings. */
export const cpuShares = (before: CpuTimes, after: CpuTimes, seconds: number): CpuTimes => ({
  server: (after.server - before.server) / seconds,
  load: (after.load - before.load) / seconds,
  // The kernel's two ways of counting differ by a few ticks.
  others: Math.max(0, after.others - before.others) / seconds,
});

/**
 * How busy the server, the generator's main thread and all other processes were. With a fixed pace neither of the first
 * two is the limit.
 */
export function describeCpu(times: CpuTimes[], { paced = false } = {}): string {
  const share = (who: keyof CpuTimes) => `${(median(times.map((time) => time[who])) * 100).toFixed(0)}%`;
  const limited = !paced && times.some((time) => time.load >= time.server) ? " (the generator was the limit)" : "";
  return `server ${share("server")} load ${share("load")} others ${share("others")}${limited}`;
}

const childrenOf = (pid: number) =>
  read(`/proc/${pid}/task/${pid}/children`)
    .split(" ")
    .filter((text) => text !== "")
    .map(Number);

/** The thread that runs the generator's JavaScript, which limits the generator. */
const mainThreadSeconds = (pid: number) => secondsOf(`/proc/${pid}/task/${pid}/stat`);

function secondsOf(statFile: string): number {
  const stat = read(statFile);
  // The second field is the name in brackets, which may contain anything; utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The time of all processes, and of interrupts, which the kernel charges to the interrupted process. */
function machineSeconds(): number {
  const [, user, nice, system, , , irq, softirq] = read("/proc/stat").split(/\s+/, 8).map(Number) as number[];
  return ((user ?? Number.NaN) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0)) / TICKS_PER_SECOND;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
