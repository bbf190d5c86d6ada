import { readFileSync } from "node:fs";
import { createDevice, createHub } from "../../../test/support/mqtt/mqtt-process.ts";
import { LOOPBACK } from "../../../test/support/notifications/subscribe-webhook.ts";
import { type Arrival, startReceivers } from "../../../test/support/notifications/webhook-receivers.ts";
import { startServer } from "../../../test/support/process/server-process.ts";
import { cpuShares, readCpuTimes } from "../measures/cpu-time.ts";
import { Samples } from "../measures/percentiles.ts";
import type { Options } from "../setup/options.ts";
import { seedWorlds, type World } from "../setup/world.ts";
import { Caller } from "./caller.ts";
import { startDevices } from "./device-load.ts";
import { type Health, readHealth, type Sample } from "./health.ts";
import { type Finding, judge } from "./judge.ts";
import { Recorder } from "./recorder.ts";
import { startRest } from "./rest-load.ts";
import { awaitArrivals, OCCASIONS, startStickers } from "./sticker-load.ts";

const TWINS = 20_000;
/** Twins with stickers, like the meters of a town. */
const STICKER_TWINS = 500;
const DEVICES = 40;
const WINDOW_MS = 12_000;
const LEAVE_MAX_MS = 30_000;

export type SoakResult = {
  minutes: number;
  samples: Sample[];
  findings: Finding[];
  answers: number;
  webhooks: { count: number; p50Ms: number; p99Ms: number };
  cpu: { server: number; load: number };
};

/**
 * One server under a steady, mixed load for minutes: REST, devices, stickers and webhooks. Rejects at the first
 * unexpected response, and if a webhook or a message with QoS 1 is lost.
 */
export async function soak(minutes: number, { program }: Options, signal: AbortSignal): Promise<SoakResult> {
  await using stack = new AsyncDisposableStack();
  const [world] = (await seedWorlds(stack, [TWINS], program, signal)) as [World];
  const { dataDir, account } = world;
  const server = stack.use(await startServer({ dataDir, program, env: LOOPBACK }));
  const process = { pid: server.pid, dataDir };
  const before = readHealth(process);

  const hub = await createHub(server.url, account.token, "soak");
  const devices: string[] = [];
  while (devices.length < DEVICES)
    devices.push(await createDevice(server.url, account.token, hub, `device ${devices.length}`));
  await using receivers = await startReceivers(server.url, ["flaky"]);
  const caller = new Caller(server.url, account);
  for (const topic of Object.values(OCCASIONS)) {
    const subscription = { callback_url: `${receivers.url("flaky")}/${topic}`, topic };
    await caller.call("POST", "/notifications/webhooks", 201, JSON.stringify(subscription));
  }
  await receivers.confirmed(Object.keys(OCCASIONS).length);

  const recorder = new Recorder();
  signal.addEventListener("abort", () => recorder.fail(signal.reason));
  const failed = recorder.failure.promise;
  const twins = readFileSync(world.idsFile, "latin1").match(/.{36}/g) ?? [];
  const stopDevices = await Promise.race([
    failed,
    startDevices({ url: server.url.replace("http:", "ws:"), devices, recorder }),
  ]);
  const stopRest = startRest(caller, twins, recorder);
  const stickers = startStickers(caller, account, twins.slice(0, STICKER_TWINS), recorder);

  const cpuBefore = readCpuTimes([server.pid]);
  const samples = await Promise.race([failed, takeSamples(minutes, () => readHealth(process), recorder)]);
  const cpu = cpuShares(cpuBefore, readCpuTimes([server.pid]), minutes * 60);

  await Promise.race([failed, Promise.all([stopDevices(), stopRest(), stickers.stop()])]);
  const arrivals = await Promise.race([failed, awaitArrivals(receivers, stickers.expected)]);
  await caller.close();
  await receivers[Symbol.asyncDispose]();
  const after = await untilLeft(() => readHealth(process), before);
  return {
    minutes,
    samples,
    cpu,
    answers: recorder.answers,
    findings: judge(samples, before, after),
    webhooks: { count: arrivals.length, ...latencyOf(arrivals, stickers.expected) },
  };
}

async function takeSamples(minutes: number, read: () => Health, recorder: Recorder): Promise<Sample[]> {
  const samples: Sample[] = [];
  const began = performance.now();
  for (let end = WINDOW_MS; end <= minutes * 60_000; end += WINDOW_MS) {
    await Bun.sleep(began + end - performance.now());
    const sample = { minute: end / 60_000, ...read(), latencies: recorder.take() };
    samples.push(sample);
    globalThis.process.stderr.write(
      `${sample.minute.toFixed(1)} min: ${sample.memoryMb.toFixed(0)} MB, ${sample.descriptors} descriptors, mqtt_put p99 ${sample.latencies["mqtt_put"]?.p99Ms.toFixed(1)} ms\n`,
    );
  }
  return samples;
}

/** Idle keep-alive connections close some time after their last request. */
async function untilLeft(read: () => Health, before: Health): Promise<Health> {
  const deadline = performance.now() + LEAVE_MAX_MS;
  let now = read();
  while (now.descriptors > before.descriptors && performance.now() < deadline) {
    await Bun.sleep(250);
    now = read();
  }
  return now;
}

/** Latencies of messages about puts and removals; an expiry has no request to measure from. */
function latencyOf(arrivals: readonly Arrival[], expected: ReadonlyMap<string, number>) {
  const samples = new Samples();
  for (const { trigger, color, atMs } of arrivals) {
    const since = expected.get(`${trigger} ${color}`) ?? Number.NaN;
    if (!Number.isNaN(since)) samples.add(Math.max(0, atMs - since));
  }
  const { p50Ms, p99Ms } = samples.summary();
  return { p50Ms, p99Ms };
}
