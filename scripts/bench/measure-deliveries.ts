import { join } from "node:path";
import { type Account, createAccount, startServer, temporaryFolder } from "../../test/support/server-process.ts";
import type { Figure } from "./figure.ts";
import type { Options } from "./options.ts";
import { Samples } from "./percentiles.ts";
import type { ReceiverReport } from "./receiver-worker.ts";

/** The server with a door at which events are published as a change would publish them. */
const PUBLISHER = [process.execPath, join(import.meta.dir, "../../test/endurance/publishing-server.ts")];
const PUBLISHERS = 64;
const PACE_PER_SECOND = 200;
const PACED_P99_MS = 100;
/** Events published after the measured time began that may still be on their way when it ends. */
const ARRIVAL_MAX_MS = 60_000;

/** Webhooks from published to received: as many as go to one receiver and to a hundred, and how soon at a steady pace. */
export async function measureDeliveries({ seconds }: Options, signal: AbortSignal): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const receivers of [1, 100]) {
    signal.throwIfAborted();
    using folder = temporaryFolder();
    const account = await createAccount({ dataDir: folder.path });
    await using server = await startServer({ dataDir: folder.path, program: PUBLISHER });
    await using world = await startReceivers(server.url, account, receivers);
    await flood(server.url, account, world, 1);
    const { events, deliveries, rate } = await flood(server.url, account, world, seconds);
    const row = `deliveries to ${receivers === 1 ? "one receiver" : `${receivers} receivers`}`;
    figures.push({ row, answers: deliveries, rate, note: `${events} events published beside` });
    if (receivers > 1) continue;
    const samples = await pace(server.url, account, world, seconds);
    const { p50Ms, p99Ms, maxMs } = samples.summary();
    const required = { of: "p99Ms", below: PACED_P99_MS } as const;
    figures.push({
      row: "event to webhook, 200/s",
      answers: samples.count,
      rate: PACE_PER_SECOND,
      p50Ms,
      p99Ms,
      maxMs,
      required,
    });
  }
  return figures;
}

type Receivers = Awaited<ReturnType<typeof startReceivers>>;

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
    const body = JSON.stringify({ callback_url, topic: "bench" });
    const headers = { authorization: account.secret };
    const answer = await fetch(`${serverUrl}/notifications/webhooks`, { method: "POST", headers, body });
    if (answer.status !== 201) throw new Error(`subscribing answers ${answer.status}`);
  }
  await until(() => confirmed === receivers);
  return {
    ...{ receivers, arrivals },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

async function publish(url: string, { secret }: Account, n: number): Promise<void> {
  const body = JSON.stringify({
    twinId: crypto.randomUUID(),
    topics: ["bench"],
    event: { n, color: "red", note: "Leaking valve" },
  });
  const answer = await fetch(`${url}/publish`, { method: "POST", headers: { authorization: secret }, body });
  if (answer.status !== 200) throw new Error(`publishing answers ${answer.status}`);
  await answer.text();
}

/** Publishes for a while, never further ahead of the receivers than they take in a moment, and waits until all has arrived. */
async function flood(url: string, account: Account, { receivers, arrivals }: Receivers, seconds: number) {
  const AHEAD_MAX = 2000;
  arrivals.length = 0;
  const began = Date.now();
  let events = 0;
  const publisher = async () => {
    while (Date.now() - began < seconds * 1000) {
      if (events * receivers - arrivals.length > AHEAD_MAX) await Bun.sleep(1);
      else await publish(url, account, events++);
    }
  };
  await Promise.all(Array.from({ length: receivers > 1 ? 4 : PUBLISHERS }, publisher));
  const deliveries = events * receivers;
  await until(() => arrivals.length >= deliveries);
  const last = arrivals.reduce((max, { atMs }) => Math.max(max, atMs), 0);
  return { events, deliveries, rate: deliveries / ((last - began) / 1000) };
}

async function pace(url: string, account: Account, { arrivals }: Receivers, seconds: number): Promise<Samples> {
  arrivals.length = 0;
  const events = seconds * PACE_PER_SECOND;
  const publishedAt: number[] = [];
  const began = performance.now();
  const calls: Promise<void>[] = [];
  for (let n = 0; n < events; n++) {
    const wait = began + (n * 1000) / PACE_PER_SECOND - performance.now();
    if (wait > 0) await Bun.sleep(wait);
    publishedAt[n] = Date.now();
    calls.push(publish(url, account, n));
  }
  await Promise.all(calls);
  await until(() => arrivals.length >= events);
  const samples = new Samples();
  for (const { n, atMs } of arrivals) samples.add(Math.max(0, atMs - (publishedAt[n] as number)));
  return samples;
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + ARRIVAL_MAX_MS; !holds(); await Bun.sleep(5)) {
    if (Date.now() > deadline) throw new Error("what was published has not arrived");
  }
}
