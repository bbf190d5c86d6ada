import { join } from "node:path";
import {
  type Account,
  createAccount,
  startServer,
  temporaryFolder,
} from "../../../test/support/process/server-process.ts";
import type { Figure } from "../measures/figure.ts";
import { Samples } from "../measures/percentiles.ts";
import type { Options } from "../setup/options.ts";
import type { ReceiverReport } from "./receiver-worker.ts";

const WRITERS = 64;
/**
 * A twin's messages are delivered in order, one at a time: so stickers are put on as many twins as a town has meters.
 */
const TWINS = 500;
const PACE_PER_SECOND = 200;
const PACED_P99_MS = 100;
/** Messages put during the measured time may still be in flight at its end. */
const ARRIVAL_MAX_MS = 60_000;

/**
 * Stickers from put to webhook received: the rate to one receiver and to a hundred, and the latency at a steady pace.
 */
export async function measureDeliveries({ seconds, program }: Options, signal: AbortSignal): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const receivers of [1, 100]) {
    signal.throwIfAborted();
    using folder = temporaryFolder();
    const account = await createAccount({ dataDir: folder.path, program });
    const env = { TWINPOST_WEBHOOK_ALLOW: "127.0.0.0/8" };
    await using server = await startServer({ dataDir: folder.path, program, env });
    await using world = await startReceivers(server.url, account, receivers);
    const putNext = await startPutting(server.url, account);
    await flood(world, putNext, 1);
    const { stickers, deliveries, rate } = await flood(world, putNext, seconds);
    const row = `deliveries to ${receivers === 1 ? "one receiver" : `${receivers} receivers`}`;
    figures.push({ row, answers: deliveries, rate, note: `${stickers} stickers put beside` });
    if (receivers > 1) continue;
    const samples = await pace(world, putNext, seconds);
    const { p50Ms, p99Ms, maxMs } = samples.summary();
    const required = { of: "p99Ms", below: PACED_P99_MS } as const;
    const row200 = "sticker put to webhook, 200/s";
    figures.push({ row: row200, answers: samples.count, rate: PACE_PER_SECOND, p50Ms, p99Ms, maxMs, required });
  }
  return figures;
}

type Receivers = Awaited<ReturnType<typeof startReceivers>>;
/** Puts one more sticker, and resolves with its number once it is acknowledged. */
type PutNext = (began: (n: number) => void) => Promise<void>;

async function startReceivers(serverUrl: string, account: Account, receivers: number) {
  const urls = Promise.withResolvers<string[]>();
  const arrivals: { n: number; atMs: number }[] = [];
  let confirmed = 0;
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "receiver-worker.ts")], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (report: ReceiverReport) => {
      if ("urls" in report) urls.resolve(report.urls);
      else if (report.n < 0) confirmed++;
      else arrivals.push(report);
    },
  });
  child.send({ receivers, serverUrl });
  for (const callback_url of await urls.promise) {
    await post(serverUrl, account, "/notifications/webhooks", { callback_url, topic: "bench" });
  }
  await until(() => confirmed === receivers);
  return {
    receivers,
    arrivals,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

async function startPutting(url: string, account: Account): Promise<PutNext> {
  const twins: string[] = [];
  while (twins.length < TWINS) twins.push((await post(url, account, "/twins", {})).creation_certificate.uuid);
  const sticker = { note: "Leaking valve", recipients: [account.user], publish: { on_put: "bench" } };
  let next = 0;
  return async (began) => {
    const n = next++;
    began(n);
    await post(url, account, `/twins/${twins[n % TWINS]}/stickers`, { stickers: { [`c-${n}`]: sticker } });
  };
}

async function post(url: string, { secret }: Account, path: string, body: object) {
  const request = { method: "POST", headers: { authorization: secret }, body: JSON.stringify(body) };
  const answer = await fetch(`${url}${path}`, request);
  const text = await answer.text();
  if (answer.status !== 201) throw new Error(`POST ${path} answers ${answer.status} ${text}`);
  return JSON.parse(text);
}

/** Puts stickers for a while, never far ahead of the receivers, and waits until all have arrived. */
async function flood({ receivers, arrivals }: Receivers, putNext: PutNext, seconds: number) {
  const AHEAD_MAX = 2000;
  arrivals.length = 0;
  const began = Date.now();
  let stickers = 0;
  const writer = async () => {
    while (Date.now() - began < seconds * 1000) {
      if (stickers * receivers - arrivals.length > AHEAD_MAX) await Bun.sleep(1);
      else await putNext(() => stickers++);
    }
  };
  await Promise.all(Array.from({ length: receivers > 1 ? 4 : WRITERS }, writer));
  const deliveries = stickers * receivers;
  await until(() => arrivals.length >= deliveries);
  const last = arrivals.reduce((max, { atMs }) => Math.max(max, atMs), 0);
  return { stickers, deliveries, rate: deliveries / ((last - began) / 1000) };
}

async function pace({ arrivals }: Receivers, putNext: PutNext, seconds: number): Promise<Samples> {
  arrivals.length = 0;
  const stickers = seconds * PACE_PER_SECOND;
  const putAt = new Map<number, number>();
  const began = performance.now();
  const calls: Promise<void>[] = [];
  for (let i = 0; i < stickers; i++) {
    const wait = began + (i * 1000) / PACE_PER_SECOND - performance.now();
    if (wait > 0) await Bun.sleep(wait);
    calls.push(putNext((n) => putAt.set(n, performance.timeOrigin + performance.now())));
  }
  await Promise.all(calls);
  await until(() => arrivals.length >= stickers);
  const samples = new Samples();
  for (const { n, atMs } of arrivals) samples.add(Math.max(0, atMs - (putAt.get(n) as number)));
  return samples;
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + ARRIVAL_MAX_MS; !holds(); await Bun.sleep(5)) {
    if (Date.now() > deadline) throw new Error("what was published has not arrived");
  }
}
