import { expect, test } from "bun:test";
import { addressesOf, createDevice, createHub } from "../../support/mqtt/mqtt-process.ts";
import type { Level } from "../../support/mqtt/mqtt-wire.ts";
import { createAccount, startServer, temporaryFolder } from "../../support/process/server-process.ts";
import { expectInOrder } from "../../support/store/breakages.ts";
import { say } from "../server/attacked-server.ts";
import { CrashWire, Fuse, type Identity, LastingPublisher, LastingSubscriber, untilLost } from "./lasting-clients.ts";

const CRASHES = Number(process.env["TWINPOST_CRASHES"] || 25);
const PAIRS = 6;
const LEVELS: readonly Level[] = [4, 5, 3];
const END = "end";

const below = (bound: number) => Math.floor(Math.random() * bound);

type Server = Awaited<ReturnType<typeof startServer>>;

/** What is retained on each of a few topics, as its only publisher was told. */
class Keeper {
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

  /** What is retained now is what was told last, or what was on its way. */
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

/** Clients with wills, each connection with its own; which must be heard, and which may. */
class Mortals {
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
        // Each comes with a clean start: a delayed will of the connection before is due at once.
        const { wire } = await CrashWire.open(identity, fuse, { clean: true, will });
        this.must.add(text);
        for (let i = below(6); i >= 0; i--) {
          wire.send({ cmd: "pingreq" });
          await wire.next();
        }
        if (Math.random() < 0.5) wire.wire.abort();
        else {
          // Whether it is discarded before the server dies is not told.
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
    const keeper = new Keeper();
    const mortals = new Mortals();
    const mourner = new LastingSubscriber("wills/#");
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
        // Subscriptions are there before the first message.
        await mourner.run(identity(server, "mourner", 5), fuse, () => true, Math.random);
        for (const pair of pairs) await subscribe(server, pair, () => true);
      }
      await keeper.audit(identity(server, "keeper", 4));
      const length = 20 + below(crash % 3 ? 2_000 : 200);
      packets += length;
      fuse.set(length, () => process.kill(server.pid, "SIGKILL"));
      const forever = () => false;
      await Promise.all([
        ...pairs.map((pair) => publish(server, pair, Number.POSITIVE_INFINITY)),
        // Some are away, and some leave and come back.
        ...pairs
          .filter(() => below(3))
          .map((pair) => subscribe(server, pair, below(2) ? forever : () => below(40) === 0)),
        ...(below(2) ? [mourner.run(identity(server, "mourner", 5), fuse, forever, Math.random)] : []),
        keeper.run(identity(server, "keeper", 4), fuse),
        ...LEVELS.map((level) => mortals.run(identity(server, `mortal ${level}`, level), fuse)),
      ]);
      await server.end("SIGKILL");
      expectInOrder(dataDir);
    }

    fuse.set(Number.POSITIVE_INFINITY, () => {});
    await using server = await startServer({ dataDir });
    await keeper.audit(identity(server, "keeper", 4));
    let again = 0;
    for (const pair of pairs) {
      await publish(server, pair, 1);
      expect(pair.publisher.isIdle).toBe(true);
      const count = pair.publisher.sent.length - 1;
      await subscribe(server, pair, () => pair.subscriber.taken.some(({ text }) => text === `${count}`));
      again += auditPair(pair.publisher, pair.subscriber);
    }
    const heard = () => mourner.taken.map(({ text }) => text);
    const missing = () => [...mortals.must].filter((text) => !heard().includes(text));
    await mourner.run(identity(server, "mourner", 5), fuse, () => missing().length === 0, Math.random);
    expect(missing()).toEqual([]);
    expect(heard().filter((text) => !mortals.may.has(text))).toEqual([]);
    expect(heard().length).toBe(new Set(heard()).size);

    expect(await server.end()).toBe(0);
    expectInOrder(dataDir);

    const total = pairs.reduce((sum, { publisher }) => sum + publisher.acknowledged, 0);
    say(
      `${CRASHES} kills, ${packets} packets apart in all: ${total} acknowledged messages came, ${again} of QoS 1 more than once;`,
    );
    say(
      `${mortals.must.size} wills that had to be heard were, of ${mortals.may.size}; what was retained was right each time`,
    );
    expect(total).toBeGreaterThan(CRASHES * 20);
    expect(mortals.must.size).toBeGreaterThan(CRASHES / 2);
  },
  CRASHES * 20_000 + 60_000,
);
