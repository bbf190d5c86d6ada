import { join } from "node:path";
import type { MqttJob, MqttResult } from "./job.ts";

export type MqttLoad = AsyncDisposable & { run(job: MqttJob): Promise<MqttResult> };

type Report = { result: MqttResult } | { error: string };

/** Starts the generator's process. When `signal` fires, the process ends and the running job rejects. */
export function startMqttLoad(signal: AbortSignal): MqttLoad {
  let waiting = Promise.withResolvers<Report>();
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "worker.ts")], {
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
      if ("error" in report) throw new Error(`${job.kind} at ${job.target.url}: ${report.error}`);
      return report.result;
    },
    async [Symbol.asyncDispose]() {
      signal.removeEventListener("abort", end);
      child.kill();
      await child.exited;
    },
  };
}
