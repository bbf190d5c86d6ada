import { expect, test } from "bun:test";
import { FakeSocket } from "../../support/mqtt/fake-socket.ts";
import type { Level } from "../../support/mqtt/mqtt-wire.ts";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";
import { hubCaller } from "../../support/world/hub.ts";

// Limits of a connection, and what happens to one that exceeds them (issue 6.7).

const MESSAGE_RATE_TOO_HIGH = 0x96;
const QUOTA_EXCEEDED = 0x97;
const KIB = Buffer.alloc(1024, "x");

/** A world with connections that need no network. */
async function openBounds(settings: Record<string, string> = {}) {
  const mqtt = await openMqtt(settings);
  /** Waits until everything that has begun is done. */
  const settle = () => mqtt.quiet();
  return {
    ...mqtt,
    settle,
    async fake(id: string, level: Level = 5, fields: object = {}) {
      const socket = new FakeSocket(mqtt.broker.accept, level);
      socket.say({ cmd: "connect", clientId: id, ...fields });
      await settle();
      expect(socket.seen[0]).toMatchObject({ cmd: "connack", [level === 5 ? "reasonCode" : "returnCode"]: 0 });
      return socket;
    },
    publishes: ({ seen }: FakeSocket) => seen.filter(({ cmd }) => cmd === "publish").length,
    [Symbol.asyncDispose]: () => mqtt[Symbol.asyncDispose](),
  };
}

test("a connection without a CONNECT within ten seconds is closed", async () => {
  await using mqtt = await openMqtt();
  const [silent, half] = [await mqtt.open(), await mqtt.open()];
  half.send(Buffer.from([0x10, 0x20, 0x00]));
  await mqtt.pass(9_000);
  expect(silent.isOpen && half.isOpen).toBe(true);
  await mqtt.pass(2_000);
  await Promise.all([silent.ended, half.ended]);
});

test("an MQTT 5 client receives the keep alive in force; older clients choose their own for half-open connections", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  const told = async (keepalive: number) => {
    const { connack } = await mqtt.client(id, 5, { keepalive });
    return connack["properties"].serverKeepAlive;
  };
  expect(await told(60)).toBeUndefined();
  expect(await told(0)).toBe(3600);
  expect(await told(65_535)).toBe(3600);
});

test("all packets of one turn leave in one send", async () => {
  await using mqtt = await openBounds();
  const socket = await mqtt.fake((await mqtt.device("panel")).id, 4);
  socket.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] });
  await mqtt.settle();
  const before = socket.sends.length;
  const publish = { cmd: "publish", topic: "a", payload: "x" };
  socket.say(publish, { ...publish, qos: 1, messageId: 2 }, { cmd: "pingreq" }, { ...publish, qos: 1, messageId: 3 });
  await mqtt.settle();
  expect(socket.sends.length - before).toBe(1);
  const seen = socket.seen.slice(-6).map(({ cmd }) => cmd as string);
  expect(seen).toEqual(["publish", "publish", "puback", "pingresp", "publish", "puback"]);
});

test("a client that does not read loses QoS 0 first; QoS 1 waits for it", async () => {
  await using mqtt = await openBounds();
  const slow = await mqtt.fake((await mqtt.device("slow")).id);
  const [zero, one] = [
    { topic: "zero", qos: 0 },
    { topic: "one", qos: 1 },
  ];
  slow.say({ cmd: "subscribe", messageId: 1, subscriptions: [zero, one] });
  await mqtt.settle();
  slow.stuck = true;
  const publisher = await mqtt.client((await mqtt.device("quick")).id, 5);
  for (let i = 0; i < 1100; i++) publisher.send({ cmd: "publish", topic: "zero", payload: KIB });
  for (let i = 0; i < 5; i++) await publisher.publish("one", `${i}`, { qos: 1 });
  const sent = mqtt.publishes(slow);
  // A mebibyte of them is being sent, and no more.
  expect(sent).toBeWithin(1000, 1060);
  slow.stuck = false;
  slow.drain();
  await mqtt.settle();
  expect(slow.seen.slice(-5).map(({ topic, payload }) => `${topic} ${payload}`)).toEqual(
    [0, 1, 2, 3, 4].map((i) => `one ${i}`),
  );
  expect(slow.ended).toBeUndefined();
});

test("many retained messages are sent at the pace at which they are read, each once, and not beyond the client's limits", async () => {
  await using mqtt = await openBounds();
  const publisher = await mqtt.client((await mqtt.device("quick")).id, 5);
  for (let i = 0; i < 2000; i++) publisher.send({ cmd: "publish", topic: `kept/${i}`, payload: KIB, retain: true });
  await publisher.expectQuiet();
  const slow = await mqtt.fake((await mqtt.device("slow")).id);
  slow.stuck = true;
  slow.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "kept/#", qos: 0 }] });
  await mqtt.settle();
  expect(mqtt.publishes(slow)).toBeWithin(900, 1400);
  slow.stuck = false;
  slow.drain();
  await mqtt.settle();
  expect(mqtt.publishes(slow)).toBe(2000);
  expect(new Set(slow.seen.map(({ topic }) => topic)).size).toBe(2001);

  const leaving = await mqtt.fake((await mqtt.device("leaving")).id);
  leaving.stuck = true;
  leaving.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "kept/#", qos: 0 }] });
  await mqtt.settle();
  leaving.say({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["kept/#"] });
  const before = mqtt.publishes(leaving);
  leaving.drain();
  await mqtt.settle();
  expect(mqtt.publishes(leaving)).toBe(before);
});

test("a client that reads nothing for half a minute is disconnected, and a hub event reports it", async () => {
  await using mqtt = await openBounds();
  const { id } = await mqtt.device("slow");
  const watcher = await mqtt.client((await mqtt.device("watcher")).id);
  await watcher.subscribe("$SCW/events/#");
  const slow = await mqtt.fake(id);
  slow.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "zero", qos: 0 }] });
  await mqtt.settle();
  slow.stuck = true;
  const publisher = await mqtt.client((await mqtt.device("quick")).id, 5);
  for (let i = 0; i < 1100; i++) publisher.send({ cmd: "publish", topic: "zero", payload: KIB });
  await publisher.expectQuiet();
  await mqtt.pass(29_000);
  expect(slow.ended).toBeUndefined();
  await mqtt.pass(2_000);
  expect(slow.ended).toBe("abort");
  const { payload } = await watcher.receive(`$SCW/events/error/device/${id}`);
  expect(JSON.parse(payload.toString())["msg"]).toBe("client does not read");
});

test("a client with too many writes in the store is paused, and disconnected if its transport cannot be paused", async () => {
  await using mqtt = await openBounds({ "mqtt-packet-bytes": "65536" });
  const lasting = await mqtt.client((await mqtt.device("away")).id, 4, { clean: false });
  await lasting.subscribe("a", 1);
  const flood = await mqtt.fake((await mqtt.device("flood")).id, 4);
  const publish = (messageId: number) => ({ cmd: "publish", topic: "a", payload: KIB, qos: 1, messageId });
  for (let i = 1; i <= 32; i++) flood.say(publish(i));
  expect(flood.paused).toBe(true);
  // What it sends all the same waits, and is processed in order.
  for (let i = 33; i <= 40; i++) flood.say(publish(i));
  for (let turn = 0; turn < 5; turn++) await mqtt.settle();
  expect(flood.paused).toBe(false);
  expect(flood.seen.filter(({ cmd }) => cmd === "puback")).toHaveLength(40);
  for (let i = 1; i <= 3000 && !flood.ended; i++) flood.say(publish(i));
  expect(flood.ended).toBe("end");
});

test("a device that publishes above its rate is disconnected, over all its connections", async () => {
  await using mqtt = await openMqtt({ "mqtt-messages-per-second": "10" });
  const { id } = await mqtt.device("panel", { allow_multiple_connections: true });
  const [one, two] = [await mqtt.client("one", 5, { username: id }), await mqtt.client("two", 5, { username: id })];
  for (let i = 0; i < 5; i++) {
    await one.publish("a", "", { qos: 1 });
    await two.publish("a", "", { qos: 1 });
  }
  await mqtt.pass(500);
  for (let i = 0; i < 5; i++) await one.publish("a", "", { qos: 1 });
  two.send({ cmd: "publish", topic: "a", payload: "" });
  await two.expectClosed(MESSAGE_RATE_TOO_HIGH);
  await one.expectQuiet();
});

test("a session has at most a thousand subscriptions, and subscribing to the same filter again adds none", async () => {
  await using mqtt = await openMqtt();
  const wire = await mqtt.client((await mqtt.device("panel")).id, 5, { properties: { sessionExpiryInterval: 60 } });
  for (let batch = 0; batch < 10; batch++) {
    await wire.subscribe(Array.from({ length: 100 }, (_, i) => `${batch}/${i}`));
  }
  expect(await wire.subscribe(["0/0", "one more"], 1)).toEqual([1, QUOTA_EXCEEDED]);
  await wire.unsubscribe("0/1");
  expect(await wire.subscribe(["one more"], 1)).toEqual([1]);
});

test("a device has at most a hundred stored sessions", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel", { allow_multiple_connections: true });
  const lasting = { username: id, properties: { sessionExpiryInterval: 60 } };
  for (let i = 0; i < 100; i++) (await mqtt.client(`${i}`, 5, lasting)).abort();
  const refused = await mqtt.open(5);
  expect(await refused.connect({ clientId: "one more", ...lasting })).toMatchObject({ reasonCode: QUOTA_EXCEEDED });
  await mqtt.client("clean", 5, { username: id });
  await mqtt.client("7", 5, lasting);
});

test("a packet that is too large is refused before it has arrived", async () => {
  await using mqtt = await openMqtt({ "mqtt-packet-bytes": "2048" });
  const wire = await mqtt.client((await mqtt.device("panel")).id, 5);
  expect(wire.connack["properties"].maximumPacketSize).toBe(2048);
  wire.send(Buffer.from([0x30, 0x80, 0x80, 0x40]));
  await wire.expectClosed(0x95);
});

test("with plans enforced, a shared hub is stateless", async () => {
  await using mqtt = await openMqtt({ "mqtt-plan-limits": "on" });
  const { body: shared } = await mqtt.call("POST", "/hubs", { name: "shared", product_plan: "plan_shared" });
  const [panel, phone] = [
    (await mqtt.call("POST", "/devices", { hub_id: shared.id, name: "panel", allow_insecure: true })).body.device,
    (await mqtt.call("POST", "/devices", { hub_id: shared.id, name: "phone", allow_insecure: true })).body.device,
  ];
  const watcher = await mqtt.client(phone.id);
  expect(await watcher.subscribe(["$SCW/events/#", { topic: "a", qos: 1 }])).toEqual([0, 0x80]);
  const event = async () =>
    JSON.parse((await watcher.receive(`$SCW/events/error/device/${panel.id}`))["payload"].toString());

  const lasting = await mqtt.open(4);
  expect(await lasting.connect({ clientId: panel.id, clean: false })).toMatchObject({ returnCode: 5 });
  expect((await event()).msg).toBe('service level: "clean session" flag is mandatory to connect to a shared hub');
  const retaining = await mqtt.client(panel.id);
  retaining.send({ cmd: "publish", topic: "a", payload: "x", retain: true });
  await retaining.expectClosed();
  expect((await event()).msg).toBe("service level: publishing retained messages is forbidden on a shared hub");
  const exact = await mqtt.client(panel.id);
  exact.send({ cmd: "publish", topic: "a", payload: "x", qos: 2, messageId: 1 });
  await exact.expectClosed();
  expect((await event()).msg).toBe("service level: publishing QoS 2 messages is forbidden on a shared hub");
  // Nothing changes for other hubs.
  const free = await mqtt.client((await mqtt.device("free")).id, 4, { clean: false });
  expect(await free.subscribe("a", 2)).toEqual([2]);
});

for (const level of [4, 5] as const) {
  test(`an account has as many connections as it leaves free for others, which can still connect, at level ${level}`, async () => {
    await using mqtt = await openMqtt({ "mqtt-connections": "40" });
    const { id } = await mqtt.device("crowd", { allow_multiple_connections: true });
    for (let i = 0; i < 20; i++) await mqtt.client(`${i}`, level, { username: id });
    const refused = await mqtt.open(level);
    const connack = await refused.connect({ clientId: "20", username: id });
    expect(connack["reasonCode"] ?? connack["returnCode"]).toBe(level === 5 ? QUOTA_EXCEEDED : 5);
    const other = hubCaller(mqtt.world, (await mqtt.world.createAccount()).token);
    const { body: hub } = await other("POST", "/hubs", { name: "other", product_plan: "plan_dedicated" });
    const { body } = await other("POST", "/devices", { hub_id: hub.id, name: "other", allow_insecure: true });
    await mqtt.client(body.device.id, level);
  });
}

test("an MQTT 3 client may have 4 096 unreleased QoS 2 publishes", async () => {
  await using mqtt = await openMqtt();
  const wire = await mqtt.client((await mqtt.device("panel")).id, 4);
  const bytes = (messageId: number) => wire.bytesOf({ cmd: "publish", topic: "a", payload: "", qos: 2, messageId });
  wire.send(Buffer.concat(Array.from({ length: 4096 }, (_, i) => Buffer.from(bytes(i + 1)))));
  for (let i = 1; i <= 4096; i++) await wire.expect("pubrec", { messageId: i });
  wire.send(bytes(5000));
  await wire.expectClosed();
});
