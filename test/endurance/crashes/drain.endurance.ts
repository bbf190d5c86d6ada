import { expect, test } from "bun:test";
import { Wire } from "../../support/http/http-connection.ts";
import { addressesOf, createDevice, createHub } from "../../support/mqtt/mqtt-process.ts";
import type { Level } from "../../support/mqtt/mqtt-wire.ts";
import { startReceiver } from "../../support/notifications/receiver.ts";
import { LOOPBACK, subscribe } from "../../support/notifications/subscribe-webhook.ts";
import { startReceivers } from "../../support/notifications/webhook-receivers.ts";
import { createAccount, startServer, temporaryFolder } from "../../support/process/server-process.ts";
import { auditFile } from "../audit/audit-data-dir.ts";
import { openBeside } from "../audit/journal-audit.ts";
import { stickerEvents } from "../load/put-stickers.ts";
import { StickerWriter, TOPICS } from "../load/sticker-writer.ts";
import { Fuse, type Identity, LastingPublisher, LastingSubscriber } from "../mqtt/lasting-clients.ts";
import { before } from "../server/start-server.ts";
import { InbandPutter, RestPutter, versionOf } from "./drain-clients.ts";

const DRAINS = Number(process.env["TWINPOST_DRAINS"] || 50);
const DRAIN_MS_MAX = 10_000;
/** A lease that was not released would hold a delivery for 20 s. */
const AT_ONCE_MS = 5_000;
const MINUTE = 60_000;
const PAIRS: readonly Level[] = [5, 4, 5, 4];

const say = (line: string) => process.stdout.write(`      ${line}\n`);
const sum = (numbers: number[]) => numbers.reduce((all, one) => all + one, 0);
const forever = () => false;

/** The database is whole, and no lease is held. Returns how many deliveries wait for the next start. */
function auditStopped(dataDir: string): number {
  auditFile(dataDir);
  const database = openBeside(dataDir);
  const count = (sql: string) => Number(database.get(sql)?.["n"]);
  try {
    expect(count("SELECT count(*) AS n FROM deliveries WHERE lease IS NOT NULL")).toBe(0);
    return count("SELECT count(*) AS n FROM deliveries WHERE state <> 'delivered'");
  } finally {
    database.close();
  }
}

/** Each has received one more answer. */
async function allAnswered(putters: readonly InbandPutter[]): Promise<void> {
  const before = new Map(putters.map((putter) => [putter, putter.told]));
  while (putters.some((putter) => putter.told === before.get(putter))) await Bun.sleep(10);
}

async function untilDelivered(dataDir: string): Promise<void> {
  const database = openBeside(dataDir);
  const began = performance.now();
  try {
    while (database.get("SELECT 1 FROM deliveries WHERE state <> 'delivered' LIMIT 1")) {
      if (performance.now() - began > AT_ONCE_MS) throw new Error(`deliveries wait for more than ${AT_ONCE_MS} ms`);
      await Bun.sleep(20);
    }
  } finally {
    database.close();
  }
}

test(
  `a server that is stopped under load ${DRAINS} times answers every request, keeps what it acknowledged, and ends in time`,
  async () => {
    using folder = temporaryFolder();
    const dataDir = folder.path;
    const account = await createAccount({ dataDir });
    const { token } = account;
    const writer = new StickerWriter(account);
    const pairs = PAIRS.map((level, i) => ({
      i,
      level,
      publisher: new LastingPublisher(`pair/${i}`),
      subscriber: new LastingSubscriber(`pair/${i}`),
    }));
    const fuse = new Fuse();
    let device = "";
    let putters: RestPutter[] = [];
    let inband: InbandPutter[] = [];
    const took: number[] = [];
    let waited = 0;

    await using stack = new AsyncDisposableStack();
    for (let drain = 0; drain <= DRAINS; drain++) {
      await using server = await startServer({ dataDir, env: LOOPBACK });
      const addresses = addressesOf(server);
      const address = () => addresses[Math.random() < 0.5 ? "tcp" : "websocket"];
      const identity = (who: string, { i, level }: (typeof pairs)[number]): Identity => ({
        address: address(),
        device,
        clientId: `${who} ${i}`,
        level,
      });
      if (drain === 0) {
        const hub = await createHub(server.url, token, "draining");
        const create = (name: string) => createDevice(server.url, token, hub, name);
        device = await create("pairs");
        const kinds = ["kept", "new", "slow", "kept", "new", "slow"] as const;
        const rest = await Promise.all(Array.from({ length: 24 }, (_, i) => create(`rest ${i}`)));
        putters = rest.map((id, i) => new RestPutter(id, token, kinds[i % kinds.length] as "kept"));
        const own = await Promise.all(Array.from({ length: 12 }, (_, i) => create(`inband ${i}`)));
        inband = own.map((id, i) => new InbandPutter(id, i % 3 ? 5 : 4));
        const receivers = stack.use(await startReceivers(server.url, ["healthy"]));
        for (const topic of TOPICS) await subscribe(server.url, account, `${receivers.url("healthy")}/${topic}`, topic);
        await receivers.confirmed(TOPICS.length);
        await writer.prepare(server.url, 20);
        for (const pair of pairs)
          await pair.subscriber.run(
            identity("subscriber", pair),
            fuse,
            () => true,
            () => 0,
          );
      }
      const wire = await Wire.open(server.url);
      for (const putter of [...putters, ...inband]) {
        const found = await versionOf(wire, token, putter.device);
        const isFlying = putter instanceof InbandPutter && putter.isFlying;
        expect(isFlying ? [putter.told, putter.told + 1] : [putter.told]).toContain(found);
        putter.told = found;
        if (putter instanceof InbandPutter) putter.isFlying = false;
      }
      wire.close();
      if (drain === DRAINS) {
        for (const pair of pairs) {
          const { publisher, subscriber } = pair;
          await publisher.run(identity("publisher", pair), fuse, 1, () => 1);
          const came = () => new Set(subscriber.taken.map(({ text }) => Number(text)));
          const isWhole = () => came().size === publisher.sent.length;
          await subscriber.run(identity("subscriber", pair), fuse, isWhole, () => 0);
        }
        await untilDelivered(dataDir);
        expect(await server.end()).toBe(0);
        break;
      }
      const load = Promise.all([
        ...putters.map((putter) => putter.run(server.url)),
        ...inband.map((putter) => putter.run(address())),
        ...pairs.map((pair) =>
          pair.publisher.run(identity("publisher", pair), fuse, Number.POSITIVE_INFINITY, () => 1),
        ),
        ...pairs.map((pair) => pair.subscriber.run(identity("subscriber", pair), fuse, forever, Math.random)),
        writer.run(server.url, 4),
      ]);
      await before(
        allAnswered(inband).then(() => Bun.sleep(Math.random() * 600)),
        load,
      );
      const began = performance.now();
      expect(await server.end()).toBe(0);
      took.push(performance.now() - began);
      await load;
      waited += auditStopped(dataDir);
      expect([...putters, ...inband].filter(({ unanswered }) => unanswered > 0).map(String)).toEqual([]);
      for (const { told8b, opened } of inband.filter(({ level }) => level === 5)) expect(told8b).toBe(opened);
    }

    const database = openBeside(dataDir);
    const happened = new Set(stickerEvents(database).map(({ kind, color }) => `${kind} ${color}`));
    database.close();
    expect(writer.acknowledged.difference(happened)).toEqual(new Set());
    const puts = sum([...putters, ...inband].map(({ told }) => told));
    const published = sum(pairs.map(({ publisher }) => publisher.acknowledged));
    say(`${DRAINS} stops under load: ${puts} document puts, each answered and there; ${published} messages of QoS 1,`);
    say(`${writer.acknowledged.size} changes of stickers; ${waited} deliveries left to the next start, no lease;`);
    say(`stopped after ${Math.round(Math.max(...took))} ms at most`);
    expect(Math.max(...took)).toBeLessThan(DRAIN_MS_MAX);
    expect(puts).toBeGreaterThan(DRAINS * 100);
  },
  DRAINS * 15_000 + 2 * MINUTE,
);

/** A request with an unfinished body. */
async function hang(url: string, secret: string): Promise<Wire> {
  const wire = await Wire.open(url);
  wire.send(
    `POST /twins HTTP/1.1\r\nhost: x\r\nauthorization: ${secret}\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n{`,
  );
  await wire.flushed();
  // A later request that is answered shows that it has arrived.
  const second = await Wire.open(url);
  await second.call("GET", "/whoami", { headers: { authorization: secret } });
  second.close();
  return wire;
}

test(
  "a stop does not wait for hanging requests, and a webhook that hung is sent again at once after the start",
  async () => {
    using folder = temporaryFolder();
    const dataDir = folder.path;
    const account = await createAccount({ dataDir });
    const never = new Promise<Response>(() => {});
    await using receiver = startReceiver();
    await using server = await startServer({ dataDir, env: LOOPBACK });
    await subscribe(server.url, account, receiver.url, "put");
    await receiver.arrived(1);
    const link = new URL(receiver.messages[0]?.body.confirmation_url);
    expect((await fetch(server.url + link.pathname + link.search)).status).toBe(200);
    const writer = new StickerWriter(account);
    await writer.prepare(server.url, 1);
    receiver.state.respond = () => never;
    const writing = { toEnd: false };
    const written = writer.run(server.url, 1, writing);
    await receiver.arrived(2);
    writing.toEnd = true;
    await written;
    await hang(server.url, account.secret);

    const began = performance.now();
    expect(await server.end()).toBe(0);
    const took = performance.now() - began;
    say(`stopped after ${Math.round(took)} ms, though a request and a webhook hang`);
    expect(took).toBeLessThan(DRAIN_MS_MAX);
    expect(auditStopped(dataDir)).toBeGreaterThan(0);

    receiver.state.respond = () => new Response("", { status: 201 });
    await using again = await startServer({ dataDir, env: LOOPBACK });
    await untilDelivered(dataDir);
    expect(await again.end()).toBe(0);
  },
  MINUTE,
);

test("a second signal at once ends a server that waits for a request", async () => {
  using folder = temporaryFolder();
  const dataDir = folder.path;
  const account = await createAccount({ dataDir });
  await using server = await startServer({ dataDir });
  await hang(server.url, account.secret);
  process.kill(server.pid, "SIGTERM");
  const stillWaits = await Promise.race([server.exited.then(() => false), Bun.sleep(2_000).then(() => true)]);
  expect(stillWaits).toBe(true);
  const began = performance.now();
  expect(await server.end()).toBe(1);
  expect(performance.now() - began).toBeLessThan(1_000);
  auditStopped(dataDir);
});
