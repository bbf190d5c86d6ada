import { join } from "node:path";
import type { CpuTimes } from "../measures/cpu-time.ts";
import type { RequestText } from "./request-template.ts";

/** A job of the generator. */
export type LoadJob = {
  url: string;
  /** The process whose processor time is reported. */
  serverPid: number;
  request: RequestText;
  /** The file with the ids of random twins, if the request names any. */
  idsFile?: string;
  expectedStatus: number;
  connections: number;
  warmUpMs: number;
  measureMs: number;
  /** Open loop at this pace; otherwise as fast as the connections get responses. */
  ratePerSecond?: number;
};

export type LoadResult = {
  requests: number;
  rate: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Shares of one processor. The server's must be larger than the generator's, or the generator was the limit. */
  cpu: CpuTimes;
};

export type LoadGenerator = AsyncDisposable & {
  /** Rejects if any response was unexpected: measuring refusals is meaningless. */
  run(job: LoadJob): Promise<LoadResult>;
};

type Report = { result: LoadResult } | { error: string };

/** Starts the generator's process. When `signal` fires, the process ends and the running job rejects. */
export function startLoadGenerator(signal: AbortSignal): LoadGenerator {
  let waiting = Promise.withResolvers<Report>();
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "load-worker.ts")], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (report: Report) => waiting.resolve(report),
    onExit: () => waiting.resolve({ error: "the load generator ended" }),
  });
  const end = () => child.kill();
  signal.addEventListener("abort", end);
  return {
    async run(job) {
      signal.throwIfAborted();
      waiting = Promise.withResolvers<Report>();
      child.send(job);
      const report = await waiting.promise;
      signal.throwIfAborted();
      if ("error" in report) throw new Error(`${job.request.method} ${job.request.path}: ${report.error}`);
      return report.result;
    },
    async [Symbol.asyncDispose]() {
      signal.removeEventListener("abort", end);
      child.kill();
      await child.exited;
    },
  };
}
