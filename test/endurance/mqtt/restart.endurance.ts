import { expect, test } from "bun:test";
import { addressesOf, createDevice, createHub } from "../../support/mqtt/mqtt-process.ts";
import type { Level } from "../../support/mqtt/mqtt-wire.ts";
import { createAccount, startServer, temporaryFolder } from "../../support/process/server-process.ts";
import { expectConsistent } from "../../support/store/breakages.ts";
import { say } from "../server/attacked-server.ts";
import { CrashWire, Fuse, type Identity, LastingPublisher, LastingSubscriber, untilLost } from "./lasting-clients.ts";

const CRASHES = Number(process.env["TWINPOST_CRASHES"] || 25);
const PAIRS = 6;
const LEVELS: readonly Level[] = [4, 5, 3];
const END = "end";

const below = (bound: number) => Math.floor(Math.random() * bound);

type Server = Awaited<ReturnType<typeof startServer>>;

/** The retained messages of a few topics, as known to their only publisher. */
class RetainedPublisher {
  readonly told = new Map<string, string>();
  readonly flying = new Map<string, string>();
  #count = 0;

  run(identity: Identity, fuse: Fuse): Promise<void> {
    return untilLost(async () => {
      const { wire } = await CrashWire.open(identity, fuse, { clean: true, properties: {} });
      for (;;) {
        const topic = `kept/${below(5)}`;
        const text = Math.random() < 0.2 ? "" : `${++this.#count}`;
        const qos = 1 + below(2);
        this.flying.set(topic, text);
        wire.send({ cmd: "publish", topic, payload: text, qos, retain: true, messageId: 1 });
        await wire.next(); // PUBACK or PUBREC: stored
        this.told.set(topic, text);
        this.flying.delete(topic);
        if (qos === 1) continue;
        wire.send({ cmd: "pubrel", messageId: 1 });
        await wire.next();
      }
    });
  }

  /** The retained message is the last acknowledged one, or the one in flight. */
  async audit(identity: Identity): Promise<void> {
    const { wire } = await CrashWire.open({ ...identity, clientId: "auditor" }, new Fuse(), {
      clean: true,
      properties: {},
    });
    wire.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "kept/#", qos: 0 }] });
    wire.send({ cmd: "pingreq" });
    const found = new Map<string, string>();
    for (let packet = await wire.next(); packet.cmd !== "pingresp"; packet = await wire.next()) {
      if (packet.cmd !== "publish") continue;
      expect(packet["retain"]).toBe(true);
      found.set(packet["topic"], String(packet["payload"]));
    }
    for (let i = 0; i < 5; i++) {
      const topic = `kept/${i}`;
      const [now, told, flying] = [found, this.told, this.flying].map((map) => map.get(topic) ?? "");
      if (now !== told && !(this.flying.has(topic) && now === flying)) {
        throw new Error(`${topic} retains "${now}", but was told "${told}", and "${flying}" was on its way`);
      }
      this.told.set(topic, now ?? "");
    }
    this.flying.clear();
    wire.wire.abort();
  }
}

/** Clients with wills, a new one for each connection; tracks which must be published, and which may. */
class WillClients {
  readonly must = new Set<string>();
  readonly may = new Set<string>();
  #count = 0;

  run(identity: Identity, fuse: Fuse): Promise<void> {
    return untilLost(async () => {
      for (;;) {
        const text = `will ${identity.clientId} ${++this.#count}`;
        const delayed = identity.level === 5 && Math.random() < 0.3;
        const will = {
          topic: "wills/x",
          payload: Buffer.from(text),
          qos: 2,
          retain: false,
          ...(delayed && { properties: { willDelayInterval: 1 } }),
        };
        this.may.add(text);
        // Each does a clean start: a delayed will of the previous connection is due at once.
        const { wire } = await CrashWire.open(identity, fuse, { clean: true, will });
        this.must.add(text);
        for (let i = below(6); i >= 0; i--) {
          wire.send({ cmd: "pingreq" });
          await wire.next();
        }
        if (Math.random() < 0.5) wire.wire.abort();
        else {
          // It is unknown whether it was discarded before the server died.
          this.must.delete(text);
          wire.send({ cmd: "disconnect" });
        }
        await wire.wire.ended;
      }
    });
  }
}

const ordered = (numbers: number[]) => numbers.every((n, i) => i === 0 || n > (numbers[i - 1] as number));
const firsts = (numbers: number[]) => [...new Set(numbers)];

/** Every acknowledged QoS 1 message at least once, QoS 2 exactly once, each in order. */
function auditPair(publisher: LastingPublisher, subscriber: LastingSubscriber): number {
  const taken = subscriber.taken.filter(({ text }) => text !== END);
  const of = (qos: number) => taken.filter((one) => one.qos === qos).map(({ text }) => Number(text));
  const sent = (qos: number) => publisher.sent.filter((one) => one.qos === qos).map(({ n }) => n);
  expect(of(2)).toEqual(sent(2));
  expect(firsts(of(1))).toEqual(sent(1));
  expect(ordered(firsts(taken.map(({ text }) => Number(text))))).toBe(true);
  return of(1).length - sent(1).length;
}

test(
  `messages, sessions, retained messages and wills survive ${CRASHES} kills at random packets`,
  async () => {
    using folder = temporaryFolder();
    const dataDir = folder.path;
    const { token } = await createAccount({ dataDir });
    const fuse = new Fuse();
    const pairs = Array.from({ length: PAIRS }, (_, i) => ({
      i,
      level: LEVELS[i % LEVELS.length] as Level,
      publisher: new LastingPublisher(`pair/${i}`),
      subscriber: new LastingSubscriber(`pair/${i}`),
    }));
    const retainedPublisher = new RetainedPublisher();
    const willClients = new WillClients();
    const willSubscriber = new LastingSubscriber("wills/#");
    let device = "";
    let packets = 0;

    const identity = (server: Server, clientId: string, level: Level): Identity => ({
      address: addressesOf(server)[below(4) ? "tcp" : "websocket"],
      device,
      clientId,
      level,
    });
    const subscribe = (server: Server, { i, level, subscriber }: (typeof pairs)[number], isEnough: () => boolean) =>
      subscriber.run(identity(server, `subscriber ${i}`, level), fuse, isEnough, Math.random);
    const publish = (server: Server, { i, level, publisher }: (typeof pairs)[number], more: number) =>
      publisher.run(identity(server, `publisher ${i}`, level), fuse, more, () => (below(2) ? 1 : 2));

    for (let crash = 0; crash < CRASHES; crash++) {
      await using server = await startServer({ dataDir });
      if (crash === 0) {
        const hub = await createHub(server.url, token, "crashing");
        device = await createDevice(server.url, token, hub, "crashing");
        // Subscriptions exist before the first message.
        await willSubscriber.run(identity(server, "willSubscriber", 5), fuse, () => true, Math.random);
        for (const pair of pairs) await subscribe(server, pair, () => true);
      }
      await retainedPublisher.audit(identity(server, "retainedPublisher", 4));
      const length = 20 + below(crash % 3 ? 2_000 : 200);
      packets += length;
      fuse.set(length, () => process.kill(server.pid, "SIGKILL"));
      const forever = () => false;
      await Promise.all([
        ...pairs.map((pair) => publish(server, pair, Number.POSITIVE_INFINITY)),
        // Some are disconnected, and some leave and return.
        ...pairs
          .filter(() => below(3))
          .map((pair) => subscribe(server, pair, below(2) ? forever : () => below(40) === 0)),
        ...(below(2) ? [willSubscriber.run(identity(server, "willSubscriber", 5), fuse, forever, Math.random)] : []),
        retainedPublisher.run(identity(server, "retainedPublisher", 4), fuse),
        ...LEVELS.map((level) => willClients.run(identity(server, `will client ${level}`, level), fuse)),
      ]);
      await server.end("SIGKILL");
      expectConsistent(dataDir);
    }

    fuse.set(Number.POSITIVE_INFINITY, () => {});
    await using server = await startServer({ dataDir });
    await retainedPublisher.audit(identity(server, "retainedPublisher", 4));
    let again = 0;
    for (const pair of pairs) {
      await publish(server, pair, 1);
      expect(pair.publisher.isIdle).toBe(true);
      const count = pair.publisher.sent.length - 1;
      await subscribe(server, pair, () => pair.subscriber.taken.some(({ text }) => text === `${count}`));
      again += auditPair(pair.publisher, pair.subscriber);
    }
    const heard = () => willSubscriber.taken.map(({ text }) => text);
    const missing = () => [...willClients.must].filter((text) => !heard().includes(text));
    await willSubscriber.run(identity(server, "willSubscriber", 5), fuse, () => missing().length === 0, Math.random);
    expect(missing()).toEqual([]);
    expect(heard().filter((text) => !willClients.may.has(text))).toEqual([]);
    expect(heard().length).toBe(new Set(heard()).size);

    expect(await server.end()).toBe(0);
    expectConsistent(dataDir);

    const total = pairs.reduce((sum, { publisher }) => sum + publisher.acknowledged, 0);
    say(
      `${CRASHES} kills, ${packets} packets apart in all: ${total} acknowledged messages came, ${again} of QoS 1 more than once;`,
    );
    say(
      `${willClients.must.size} wills that had to be heard were, of ${willClients.may.size}; what was retained was right each time`,
    );
    expect(total).toBeGreaterThan(CRASHES * 20);
    expect(willClients.must.size).toBeGreaterThan(CRASHES / 2);
  },
  CRASHES * 20_000 + 60_000,
);
