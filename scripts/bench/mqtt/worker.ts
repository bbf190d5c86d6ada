import { cpuShares, readCpuTimes } from "../measures/cpu-time.ts";
import { Samples } from "../measures/percentiles.ts";
import type { Client } from "./client.ts";
import { openIdle, runConnects } from "./connections.ts";
import type { MqttJob, MqttResult } from "./job.ts";
import { openPublishers } from "./publishers.ts";
import { openPutters } from "./putters.ts";

// The load generator for MQTT: a process of its own, as `load-worker.ts` is for HTTP. It runs the jobs that `load.ts`
// sends, one after the other.

/** What a job counts, and how it reports a failure. */
export type Meter = { samples: Samples; count: number; fail: (why: string) => void };

let idle: Client[] = [];

process.on("message", async (job: MqttJob) => {
  for (const client of idle) client.close();
  idle = [];
  try {
    process.send?.({ result: await run(job) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
});
process.on("disconnect", () => process.exit());

async function run(job: MqttJob): Promise<MqttResult> {
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  const meter: Meter = { samples: new Samples(), count: 0, fail: (why) => failure.reject(new Error(why)) };
  const during = (ms: number) => Promise.race([failure.promise, Bun.sleep(ms)]);
  if (job.kind === "idle") idle = await Promise.race([failure.promise, openIdle(job, meter)]);
  const stop = await Promise.race([failure.promise, start(job, meter)]);
  try {
    await during(job.warmUpMs);
    const cpuBefore = readCpuTimes(job.target.pids);
    const began = performance.now();
    meter.samples = new Samples();
    meter.count = 0;
    await during(job.measureMs);
    const seconds = (performance.now() - began) / 1000;
    const { count, samples } = meter;
    const cpu = cpuShares(cpuBefore, readCpuTimes(job.target.pids), seconds);
    if (job.kind !== "idle" && count === 0) throw new Error("nothing came");
    return { count, rate: count / seconds, ...samples.summary(), cpu };
  } finally {
    stop();
  }
}

async function start(job: MqttJob, meter: Meter): Promise<() => void> {
  if (job.kind === "put") return openPutters(job, meter);
  if (job.kind === "publish") return openPublishers(job, meter);
  if (job.kind === "connect") return runConnects(job, meter);
  return () => {};
}
