import { expect, test } from "bun:test";
import type { Connection } from "../../../src/store/sqlite/connection.ts";
import { LOOPBACK, subscribe } from "../../support/notifications/subscribe-webhook.ts";
import { type Arrival, startReceivers } from "../../support/notifications/webhook-receivers.ts";
import { createAccount, startServer, temporaryFolder } from "../../support/process/server-process.ts";
import { openBeside } from "../audit/journal-audit.ts";
import { stickerEvents } from "../load/put-stickers.ts";
import { StickerWriter, TOPICS, TOPICS_OF } from "../load/sticker-writer.ts";

const CRASHES = Number(process.env["TWINPOST_CRASHES"] || 20);
const WRITERS = 8;
const MINUTE = 60_000;

const say = (line: string) => process.stdout.write(`      ${line}\n`);

test(
  `every sticker that is put, removed or expires reaches its receivers, and nothing else does, when the server is killed ${CRASHES} times meanwhile`,
  async () => {
    using folder = temporaryFolder();
    const dataDir = folder.path;
    const account = await createAccount({ dataDir });
    const writer = new StickerWriter(account);
    await using stack = new AsyncDisposableStack();
    let receivers: Awaited<ReturnType<typeof startReceivers>> | undefined;

    for (let crash = 0; crash <= CRASHES; crash++) {
      await using server = await startServer({ dataDir, env: LOOPBACK });
      if (!receivers) {
        receivers = stack.use(await startReceivers(server.url, ["flaky"]));
        for (const topic of TOPICS) await subscribe(server.url, account, `${receivers.url("flaky")}/${topic}`, topic);
        await receivers.confirmed(TOPICS.length);
        await writer.prepare(server.url, 50);
      }
      const asked = { toEnd: false };
      const writing = writer.run(server.url, WRITERS, asked);
      await Promise.race([Bun.sleep(200 + Math.random() * 1000), writing]);
      if (crash < CRASHES) await server.end("SIGKILL");
      asked.toEnd = true;
      await writing;
      if (crash < CRASHES) continue;
      // Deliveries in flight at a crash are leased for a while, and refused ones wait for their retry.
      await untilQuiet(dataDir, 2 * MINUTE);
      expect(await server.end()).toBe(0);
    }

    const arrivals = (await receivers?.arrivals()) ?? [];
    const database = openBeside(dataDir);
    try {
      const happened = auditEvents(database, writer.acknowledged);
      auditMessages(database, happened, arrivals);
      const attempts = arrivals.reduce((sum, arrival) => sum + arrival.attempts, 0);
      say(`${CRASHES} crashes: ${writer.acknowledged.size} acknowledged of ${happened.length} committed events;`);
      say(`${arrivals.length} messages, all received; ${attempts - arrivals.length} came once more`);
    } finally {
      database.close();
    }
  },
  CRASHES * 10_000 + 5 * MINUTE,
);

/**
 * Every sticker was put once and ended once, and all acknowledged changes happened. Returns all that happened:
 * `sticker.put c7`.
 */
function auditEvents(database: Connection, acknowledged: ReadonlySet<string>): string[] {
  const events = stickerEvents(database);
  const happened = events.map(({ kind, color }) => `${kind} ${color}`);
  expect(new Set(happened).size).toBe(happened.length);
  expect(acknowledged.difference(new Set(happened))).toEqual(new Set());
  const put = events.filter(({ kind }) => kind === "sticker.put").map(({ color }) => color);
  const ended = events.filter(({ kind }) => kind !== "sticker.put").map(({ color }) => color);
  expect(ended.toSorted()).toEqual(put.toSorted());
  // Each kind occurs, so each could be lost.
  for (const kind of Object.keys(TOPICS_OF)) expect(happened.some((one) => one.startsWith(kind))).toBe(true);
  return happened;
}

/** One message for each topic of each event, none for anything else; sequence numbers without a gap; no lease left. */
function auditMessages(database: Connection, happened: readonly string[], arrivals: readonly Arrival[]): void {
  const expected = happened.flatMap((event) => {
    const [kind] = event.split(" ") as [keyof typeof TOPICS_OF];
    return TOPICS_OF[kind].map((topic) => `/${topic} ${event}`);
  });
  expect(arrivals.map(({ path, trigger, color }) => `${path} ${trigger} ${color}`).sort()).toEqual(expected.sort());
  for (const own of Map.groupBy(arrivals, ({ path }) => path).values()) {
    const numbers = own.map(({ number }) => number).sort((a, b) => a - b);
    expect(numbers).toEqual(own.map((_, index) => index + 1));
  }
  const kept = database.all("SELECT id FROM deliveries WHERE type = 'Notification'").map(({ id }) => String(id));
  expect(kept.sort()).toEqual(arrivals.map(({ id }) => id).sort());
  expect(database.all("SELECT id FROM deliveries WHERE state <> 'delivered' OR lease IS NOT NULL")).toEqual([]);
}

async function untilQuiet(dataDir: string, limitMs: number): Promise<void> {
  const database = openBeside(dataDir);
  const isBusy = () =>
    database.get("SELECT 1 FROM stickers LIMIT 1") ??
    database.get("SELECT 1 FROM deliveries WHERE state <> 'delivered' LIMIT 1");
  try {
    for (const deadline = performance.now() + limitMs; isBusy(); await Bun.sleep(100)) {
      if (performance.now() > deadline)
        throw new Error(`after ${limitMs} ms something is left to expire or to deliver`);
    }
  } finally {
    database.close();
  }
}
