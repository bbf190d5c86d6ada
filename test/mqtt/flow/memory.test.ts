import { expect, test } from "bun:test";
import { FakeSocket } from "../../support/mqtt/fake-socket.ts";
import type { Level } from "../../support/mqtt/mqtt-wire.ts";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";
import { hubCaller } from "../../support/world/hub.ts";
import type { Json } from "../../support/world/world.ts";

// The memory that an account can take is bounded over all its hubs and sessions, and other accounts are not refused
// because of it.

const MB = 1024 * 1024;
const MEMORY = 8 * MB;
const QUOTA_EXCEEDED = 0x97;
const FILTER_INVALID = 0x8f;

async function openMemory() {
  const mqtt = await openMqtt({ "mqtt-memory": "8" });
  const other = hubCaller(mqtt.world, (await mqtt.world.createAccount()).token);
  /** A device of another account, or of another hub. */
  async function deviceOf(call: typeof mqtt.call, name: string): Promise<string> {
    const hub: Json = (await call("POST", "/hubs", { name, product_plan: "plan_dedicated" })).body;
    const { body } = await call("POST", "/devices", {
      hub_id: hub.id,
      name,
      allow_insecure: true,
      allow_multiple_connections: true,
    });
    return body.device.id;
  }
  async function connect(id: string, clientId: string, level: Level = 5) {
    const socket = new FakeSocket(mqtt.broker.accept, level);
    socket.say({ cmd: "connect", clientId, username: id });
    await mqtt.quiet();
    expect(socket.seen[0]).toMatchObject({ cmd: "connack", [level === 5 ? "reasonCode" : "returnCode"]: 0 });
    return socket;
  }
  /** The value in the metrics. */
  function memory(kind: string): number {
    const family = [...mqtt.world.deps.metrics.families()].findLast(
      ({ name }) => name === "twinpost_mqtt_memory_bytes",
    );
    return family?.samples().find(({ labels }) => labels["kind"] === kind)?.value ?? Number.NaN;
  }
  return { ...mqtt, other, deviceOf, connect, memory, [Symbol.asyncDispose]: () => mqtt[Symbol.asyncDispose]() };
}

test("clients that read and do not acknowledge fill their account's part over all its hubs, and no more", async () => {
  await using mqtt = await openMemory();
  const publishAll = async (id: string, count: number) => {
    const hears = await mqtt.connect(id, "hears");
    hears.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] });
    await mqtt.quiet();
    const says = await mqtt.connect(id, "says");
    for (let i = 1; i <= count; i++) {
      says.say({ cmd: "publish", topic: "a", payload: Buffer.alloc(4096), qos: 1, messageId: (i % 60_000) + 1 });
      if (i % 100 === 0) await mqtt.quiet();
    }
    await mqtt.quiet();
    return hears.seen.filter(({ cmd }) => cmd === "publish").length;
  };
  for (let hub = 0; hub < 3; hub++) await publishAll(await mqtt.deviceOf(mqtt.call, `hub${hub}`), 2500);
  const taken = mqtt.memory("queued");
  expect(taken).toBeWithin(MEMORY / 4, MEMORY / 2);
  // Another account is served in full: 50 messages wait for a client of its own that acknowledges none, in addition to
  // those in flight.
  expect(await publishAll(await mqtt.deviceOf(mqtt.other, "victim"), 1050)).toBe(1000);
  expect(mqtt.memory("queued") - taken).toBeGreaterThan(50 * 4096);
});

test("the memory of a connection is released with it", async () => {
  await using mqtt = await openMemory();
  const id = await mqtt.deviceOf(mqtt.call, "hub");
  const kinds = ["sessions", "subscriptions", "aliases", "queued", "sending", "unread"];
  const all = () => kinds.map(mqtt.memory);
  expect(all()).toEqual([0, 0, 0, 0, 0, 0]);
  const socket = await mqtt.connect(id, "one");
  socket.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a/b", qos: 1 }] });
  await mqtt.quiet();
  expect(all().slice(0, 2)).toEqual([1024, 700 + 3 + 2 * 350]);
  socket.stuck = true;
  const payload = Buffer.alloc(100_000);
  for (let messageId = 1; messageId <= 18; messageId++) {
    socket.say({ cmd: "publish", topic: "a/b", payload, qos: 1, messageId });
    await mqtt.quiet();
  }
  socket.say({ cmd: "publish", topic: "x".repeat(20_000), properties: { topicAlias: 1 } });
  await mqtt.quiet();
  for (const [index, bytes] of all().entries())
    if (index < 5) expect([kinds[index], bytes > 0]).toEqual([kinds[index], true]);
  socket.lose();
  await mqtt.quiet();
  expect(all()).toEqual([0, 0, 0, 0, 0, 0]);
});

for (const level of [4, 5] as const) {
  test(`a filter has at most 4 096 bytes, and subscriptions at most their account's memory, at level ${level}`, async () => {
    await using mqtt = await openMemory();
    const id = await mqtt.deviceOf(mqtt.call, "hub");
    const wire = await mqtt.client(id, level);
    const [long, longer] = ["a".repeat(4096), "a".repeat(4097)];
    expect(await wire.subscribe([long, longer, "ü".repeat(2049)], 0)).toEqual(
      level === 5 ? [0, FILTER_INVALID, FILTER_INVALID] : [0, 128, 128],
    );
    let granted = 0;
    let last = 0;
    for (let session = 0; session < 4 && last === 0; session++) {
      const more = await mqtt.client(id, level, { username: id, clientId: `${session}` });
      for (let i = 0; i < 9 && last === 0; i++) {
        const filters = Array.from({ length: 100 }, (_, at) => `${i}/${at}/${"x".repeat(3000)}`);
        for (const code of await more.subscribe(filters, 0)) {
          if (code === 0) granted++;
          else last = code;
        }
      }
    }
    expect(last).toBe(level === 5 ? QUOTA_EXCEEDED : 128);
    expect(granted * 3000).toBeLessThan(MEMORY / 2);
    // Other accounts are not refused because of it.
    const victim = await mqtt.client(await mqtt.deviceOf(mqtt.other, "victim"), level);
    expect(await victim.subscribe(["hall/#"], 0)).toEqual([0]);
    // Released memory is available again.
    await wire.unsubscribe(long);
    expect(mqtt.memory("subscriptions") > 0).toBe(true);
  });
}

test("a message that is too large for its client takes no memory for a topic alias", async () => {
  await using mqtt = await openMemory();
  const id = await mqtt.deviceOf(mqtt.call, "small");
  const small = new FakeSocket(mqtt.broker.accept, 5);
  const properties = { maximumPacketSize: 100, topicAliasMaximum: 10 };
  small.say({ cmd: "connect", clientId: "small", username: id, properties });
  small.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "#", qos: 0 }] });
  const says = await mqtt.connect(id, "says");
  for (let i = 0; i < 5; i++) says.say({ cmd: "publish", topic: "x".repeat(20_000), payload: "", qos: 0 });
  says.say({ cmd: "publish", topic: "y", payload: "", qos: 0 });
  await mqtt.quiet();
  expect(small.seen.filter(({ cmd }) => cmd === "publish")).toMatchObject([{ topic: "y" }]);
  expect(mqtt.memory("aliases")).toBe(0);
});

test("stored filters and sessions count too, and again after a restart", async () => {
  await using mqtt = await openMemory();
  const id = await mqtt.deviceOf(mqtt.call, "hub");
  const properties = { sessionExpiryInterval: 3600 };
  const wire = await mqtt.client(id, 5, { clean: false, properties });
  await wire.subscribe(["a/b", "c"], 1);
  await wire.disconnect();
  await mqtt.quiet();
  const before = [mqtt.memory("sessions"), mqtt.memory("subscriptions")];
  expect(before).toEqual([1024, 2 * 700 + 4 + 3 * 350]);
  await mqtt.restart();
  expect([mqtt.memory("sessions"), mqtt.memory("subscriptions")]).toEqual(before);
});

test("a client that does not read is not sent more than its account's memory permits, and clients of other accounts are", async () => {
  await using mqtt = await openMemory();
  const [id, victim] = [await mqtt.deviceOf(mqtt.call, "hub"), await mqtt.deviceOf(mqtt.other, "victim")];
  const stuck = [];
  for (let i = 0; i < 20; i++) {
    const socket = await mqtt.connect(id, `stuck ${i}`);
    socket.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 0 }] });
    await mqtt.quiet();
    socket.stuck = true;
    stuck.push(socket);
  }
  const says = await mqtt.connect(id, "says");
  for (let i = 0; i < 100; i++) {
    says.say({ cmd: "publish", topic: "a", payload: Buffer.alloc(10_000) });
    await mqtt.quiet();
  }
  const held = stuck.reduce((sum, { bufferedBytes, ended }) => sum + (ended ? 0 : bufferedBytes), 0);
  expect(held).toBeLessThan(MEMORY / 2);
  const hears = await mqtt.connect(victim, "hears");
  hears.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 0 }] });
  hears.say({ cmd: "publish", topic: "a", payload: Buffer.alloc(10_000) });
  await mqtt.quiet();
  expect(hears.seen.filter(({ cmd }) => cmd === "publish").length).toBe(1);
});

test("unfinished packets take at most their account's part, and those of unauthenticated connections a part of the total", async () => {
  await using mqtt = await openMemory();
  const begun = Buffer.concat([Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x01), Buffer.alloc(900_000)]);
  const id = await mqtt.deviceOf(mqtt.call, "hub");
  const sockets = [];
  for (let i = 0; i < 8; i++) {
    const socket = await mqtt.connect(id, `${i}`);
    socket.bytes(begun);
    sockets.push(socket);
  }
  await mqtt.quiet();
  expect(sockets.filter(({ ended }) => ended).length).toBeGreaterThan(0);
  expect(sockets.filter(({ ended }) => !ended).length).toBeGreaterThan(0);
  expect(mqtt.memory("unread")).toBeLessThan(MEMORY / 2);

  const strangers = Array.from({ length: 8 }, () => new FakeSocket(mqtt.broker.accept, 5));
  const connect = Buffer.concat([Uint8Array.of(0x10, 0x80, 0x80, 0x80, 0x01), Buffer.alloc(200_000)]);
  for (const socket of strangers) socket.bytes(connect);
  expect(strangers.filter(({ ended }) => !ended).length).toBeLessThan(8);
  const victim = await mqtt.client(await mqtt.deviceOf(mqtt.other, "victim"), 5);
  await victim.publish("a", "x", { qos: 1 });
});
