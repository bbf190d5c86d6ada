import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { LOOPBACK, subscribe } from "../../support/notifications/subscribe-webhook.ts";
import { preciseNow, startReceivers } from "../../support/notifications/webhook-receivers.ts";
import { type Account, createAccount, startServer, temporaryFolder } from "../../support/process/server-process.ts";

const EVENTS_PER_SECOND = 200;
const EVENTS = 1000;
const ROUNDS = 4;
const TWINS = 200;
const SICK = ["hanging", "failing", "closing", "streaming"] as const;
/** A message is this late only if it waited for another receiver's time limit. */
const WAITED_FOR_NOBODY_MS = 1000;
const MINUTE = 60_000;

const say = (line: string) => process.stdout.write(`      ${line}\n`);
const percentile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
const median = (values: readonly number[]) => percentile(values, 0.5);

test(
  "a healthy receiver does not wait for one that hangs, one that fails, one that closes and one that streams for ever",
  async () => {
    await using alone = await openWorld([]);
    await using beside = await openWorld(SICK);
    // A process is slow at first, which would make later measurements look better.
    for (const world of [alone, beside]) await world.measure();
    const ratios: number[] = [];
    const [cpuAlone, cpuBeside]: [number[], number[]] = [[], []];
    for (let round = 1; round <= ROUNDS; round++) {
      // Alternating, because the machine may be busy during any of them.
      const quiet = await alone.measure();
      const busy = await beside.measure();
      const [p99Alone, p99Beside] = [percentile(quiet.late, 0.99), percentile(busy.late, 0.99)];
      ratios.push(p99Beside / p99Alone);
      cpuAlone.push(quiet.cpuMs);
      cpuBeside.push(busy.cpuMs);
      say(
        `round ${round}, put to received: p50 ${percentile(quiet.late, 0.5).toFixed(1)}, p99 ${p99Alone.toFixed(1)} ms alone; p50 ${percentile(busy.late, 0.5).toFixed(1)}, p99 ${p99Beside.toFixed(1)} ms beside`,
      );
      // Waiting for the one that hangs would take ten seconds. The goal is twice the p99 alone: it is printed, not
      // enforced, for the sick ones cost the server five times the messages, and this machine is shared.
      expect(p99Beside).toBeLessThan(WAITED_FOR_NOBODY_MS);
    }
    say(`p99 beside to p99 alone: ${median(ratios).toFixed(2)} in the middle`);
    // On a shared machine this is what can be compared.
    say(
      `an event costs the server ${median(cpuAlone).toFixed(2)} ms of processor alone, ${median(cpuBeside).toFixed(2)} beside`,
    );
  },
  5 * MINUTE,
);

/** A server with a healthy receiver and others, each in a process of its own. */
async function openWorld(others: readonly (typeof SICK)[number][]) {
  await using stack = new AsyncDisposableStack();
  const { path: dataDir } = stack.use(temporaryFolder());
  const account = await createAccount({ dataDir });
  const server = stack.use(await startServer({ dataDir, env: LOOPBACK }));
  const healthy = stack.use(await startReceivers(server.url, ["healthy"]));
  await subscribe(server.url, account, healthy.url("healthy"), "red");
  await healthy.confirmed(1);
  const sick = stack.use(await startReceivers(server.url, others));
  for (const kind of others) await subscribe(server.url, account, sick.url(kind), "red");
  await sick.confirmed(others.length);
  const twins = await createTwins(server.url, account);
  let next = 0;

  const opened = stack.move();
  return {
    /** Puts stickers, 200 a second: how long each took from the put until the healthy one received it. */
    async measure(): Promise<{ late: number[]; cpuMs: number }> {
      const cpuBefore = processorMs(server.pid);
      const putAt = new Map<string, number>();
      const calls: Promise<unknown>[] = [];
      const began = performance.now();
      for (let n = 0; n < EVENTS; n++) {
        const wait = began + (n * 1000) / EVENTS_PER_SECOND - performance.now();
        if (wait > 0) await Bun.sleep(wait);
        const color = `c${next++}`;
        putAt.set(color, preciseNow());
        calls.push(put(server.url, account, twins[next % TWINS] as string, color));
      }
      await Promise.all(calls);
      for (const deadline = performance.now() + MINUTE; ; await Bun.sleep(200)) {
        const own = (await healthy.arrivals()).filter(({ color }) => putAt.has(color));
        if (own.length >= EVENTS) {
          expect(own.length).toBe(EVENTS);
          const late = own.map(({ color, atMs }) => atMs - (putAt.get(color) as number));
          return { late, cpuMs: (processorMs(server.pid) - cpuBefore) / EVENTS };
        }
        if (performance.now() > deadline) throw new Error(`${own.length} of ${EVENTS} have come to the healthy one`);
      }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Processor time of a process, all its threads together; the system counts in hundredths of a second. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function createTwins(url: string, account: Account): Promise<string[]> {
  const twins: string[] = [];
  while (twins.length < TWINS) twins.push((await post(url, account, "/twins", {})).creation_certificate.uuid);
  return twins;
}

function put(url: string, account: Account, twin: string, color: string) {
  const sticker = { note: "Leaking valve", recipients: [account.user], publish: { on_put: "red" } };
  return post(url, account, `/twins/${twin}/stickers`, { stickers: { [color]: sticker } });
}

async function post(url: string, { secret }: Account, path: string, body: object) {
  const request = { method: "POST", headers: { authorization: secret }, body: JSON.stringify(body) };
  const answer = await fetch(`${url}${path}`, request);
  const text = await answer.text();
  if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}
