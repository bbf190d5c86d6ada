import { expect } from "bun:test";
import { ALL, type Broker, FIVE, OLD, onLevels, ours } from "./broker-under-test.ts";

// Limits of flow, size and lifetime, and topic aliases.

const PROTOCOL_ERROR = 0x82;
const KEEP_ALIVE_TIMEOUT = 0x8d;
const RECEIVE_MAXIMUM_EXCEEDED = 0x93;
const TOPIC_ALIAS_INVALID = 0x94;

/** A subscriber to `hall` with these properties in its CONNECT. */
async function listener(broker: Broker, properties: object, qos: 0 | 1 | 2 = 2) {
  const wire = await broker.client("listener", { properties });
  await wire.subscribe("hall/#", qos);
  return wire;
}

onLevels(FIVE, "unacknowledged messages stay within the client's receive maximum [MQTT-3.3.4-9]", async (broker) => {
  const wire = await listener(broker, { receiveMaximum: 2 });
  const publisher = await broker.client("publisher");
  for (let i = 0; i < 5; i++) await publisher.publish("hall/a", `${i}`, { qos: 1 + (i % 2) });
  const first = await wire.expect("publish", { payload: "0", qos: 1 });
  const second = await wire.expect("publish", { payload: "1", qos: 2 });
  await wire.expectQuiet();
  wire.send({ cmd: "puback", messageId: first["messageId"] });
  const third = await wire.expect("publish", { payload: "2", qos: 1 });
  await wire.expectQuiet();
  if (broker.isReference) return; // for it PUBREC frees a slot too
  // PUBREC frees no slot, PUBCOMP does [MQTT-4.9.0-2].
  wire.send({ cmd: "pubrec", messageId: second["messageId"] });
  await wire.expect("pubrel", { messageId: second["messageId"] });
  await wire.expectQuiet();
  wire.send({ cmd: "pubcomp", messageId: second["messageId"] });
  const fourth = await wire.expect("publish", { payload: "3", qos: 2 });
  // A PUBREC with an error code frees a slot too.
  wire.send({ cmd: "pubrec", messageId: fourth["messageId"], reasonCode: 0x80 });
  await wire.expect("publish", { payload: "4", qos: 1 });
  wire.send({ cmd: "puback", messageId: third["messageId"] });
  await wire.expectQuiet();
});

onLevels(
  FIVE,
  "QoS 0 and other packets continue at the receive maximum [MQTT-3.3.4-10, MQTT-4.9.0-3]",
  async (broker) => {
    const wire = await listener(broker, { receiveMaximum: 1 });
    const publisher = await broker.client("publisher");
    await publisher.publish("hall/a", "held", { qos: 1 });
    await publisher.publish("hall/a", "waits", { qos: 1 });
    publisher.send({ cmd: "publish", topic: "hall/a", payload: "goes on" });
    const { messageId } = await wire.expect("publish", { payload: "held" });
    await wire.expect("publish", { payload: "goes on", qos: 0 });
    expect(await wire.subscribe("door")).toEqual([0]);
    wire.send({ cmd: "puback", messageId });
    await wire.receive("hall/a", "waits");
  },
);

onLevels(FIVE, "the receive maximum applies to redelivered messages too", async (broker) => {
  const first = await broker.lasting("panel");
  await first.subscribe("hall", 1);
  await first.disconnect();
  const publisher = await broker.client("publisher");
  for (let i = 0; i < 5; i++) await publisher.publish("hall", `${i}`, { qos: 1 });
  const second = await broker.lasting("panel", { properties: { receiveMaximum: 3 } });
  const ids: number[] = [];
  for (let i = 0; i < 3; i++) ids.push((await second.expect("publish", { payload: `${i}` }))["messageId"]);
  await second.expectQuiet();
  second.send(...ids.map((messageId) => ({ cmd: "puback", messageId })));
  await second.take(2);
  await second.expectQuiet();
});

onLevels(
  FIVE,
  "a client above the server's receive maximum is disconnected with 0x93 [MQTT-3.3.4-7, MQTT-4.9.0-1]",
  async (broker) => {
    const wire = await broker.client("panel");
    const maximum = wire.connack["properties"]?.receiveMaximum ?? 65_535;
    if (maximum > 5_000) return; // more than a test should send
    for (let i = 0; i < maximum; i++) {
      wire.send({ cmd: "publish", topic: "hall", payload: "x", qos: 2, messageId: i + 1 });
      await wire.expect("pubrec");
    }
    await wire.expectQuiet();
    wire.send({ cmd: "publish", topic: "hall", payload: "x", qos: 2, messageId: maximum + 1 });
    await broker.refuses(wire, RECEIVE_MAXIMUM_EXCEEDED);
  },
);

onLevels(FIVE, "a topic alias replaces the topic it was assigned to [MQTT-3.3.2-12]", async (broker) => {
  const wire = await listener(broker, {});
  const publisher = await broker.client("publisher");
  const { topicAliasMaximum } = publisher.connack["properties"];
  expect(topicAliasMaximum).toBeGreaterThanOrEqual(2);
  const say = (topic: string, topicAlias: number, payload: string) =>
    publisher.send({ cmd: "publish", topic, payload, properties: { topicAlias } });
  say("hall/a", 1, "0");
  say("hall/b", topicAliasMaximum, "1");
  say("", 1, "2");
  say("", topicAliasMaximum, "3");
  say("hall/c", 1, "4");
  say("", 1, "5");
  for (const [i, topic] of ["hall/a", "hall/b", "hall/a", "hall/b", "hall/c", "hall/c"].entries()) {
    const { properties } = await wire.receive(topic, `${i}`);
    expect(properties?.topicAlias).toBeUndefined(); // the subscriber allows none [MQTT-3.1.2-27]
  }
  await publisher.publish("", "6", { qos: 2, properties: { topicAlias: 1 } });
  await wire.receive("hall/c", "6", { qos: 2 });
});

onLevels(
  FIVE,
  "an unknown topic alias is a protocol error, one too high is 0x94 [MQTT-3.3.2-7, -9]",
  async (broker) => {
    const first = await broker.lasting("panel");
    const { topicAliasMaximum } = first.connack["properties"];
    first.send({ cmd: "publish", topic: "hall", payload: "x", properties: { topicAlias: 1 } });
    await first.expectQuiet();
    await first.disconnect();
    const second = await broker.lasting("panel");
    second.send({ cmd: "publish", topic: "", payload: "x", properties: { topicAlias: 1 } });
    await broker.refuses(second, PROTOCOL_ERROR);
    const third = await broker.client("panel");
    third.send({ cmd: "publish", topic: "hall", payload: "x", properties: { topicAlias: topicAliasMaximum + 1 } });
    await broker.refuses(third, TOPIC_ALIAS_INVALID);
  },
);

onLevels(FIVE, "without a topic there must be an alias", async (broker) => {
  const wire = await broker.client("panel");
  wire.send(Uint8Array.of(0x30, 4, 0, 0, 0, 120));
  await broker.refuses(wire, PROTOCOL_ERROR);
});

ours(
  FIVE,
  "the server uses at most as many aliases as the client allows [MQTT-3.1.2-26, MQTT-3.3.2-11]",
  async (broker) => {
    const wire = await listener(broker, { topicAliasMaximum: 2 });
    const publisher = await broker.client("publisher");
    const names = new Map<number, string>();
    let shortened = 0;
    for (let i = 0; i < 40; i++) {
      const topic = `hall/${i % 4 ? i % 4 : "first"}`;
      publisher.send({ cmd: "publish", topic, payload: `${i}` });
      const packet = await wire.expect("publish", { payload: `${i}` });
      const alias = packet["properties"]?.topicAlias;
      if (alias !== undefined) {
        expect(alias).toBeWithin(1, 3);
        if (packet["topic"]) names.set(alias, packet["topic"]);
        else shortened++;
      }
      expect(packet["topic"] || names.get(alias)).toBe(topic);
    }
    expect(shortened).toBeGreaterThan(0);
  },
);

ours(FIVE, "a redelivered message does not use aliases of the old connection [MQTT-3.3.2-7]", async (broker) => {
  const properties = { topicAliasMaximum: 5 };
  const first = await broker.lasting("panel", { properties });
  await first.subscribe("hall", 1);
  const publisher = await broker.client("publisher");
  for (const payload of ["0", "1"]) await publisher.publish("hall", payload, { qos: 1 });
  await first.expect("publish", { topic: "hall", payload: "0" });
  await first.expect("publish", { payload: "1" });
  first.abort();
  await first.ended;
  const second = await broker.lasting("panel", { properties });
  await second.expect("publish", { topic: "hall", payload: "0", dup: true });
});

onLevels(FIVE, "a message too large for a client counts as sent [MQTT-3.1.2-24, -25]", async (broker) => {
  const wire = await listener(broker, { maximumPacketSize: 200 }, 1);
  const publisher = await broker.client("publisher");
  for (const qos of [0, 1]) {
    await publisher.publish("hall/a", "x".repeat(300), { qos });
    await publisher.publish("hall/a", "small", { qos });
    await wire.receive("hall/a", "small", { qos });
  }
  await wire.expectQuiet();
  // Other subscribers receive it all the same.
  const other = await broker.client("other");
  await other.subscribe("hall/#", 1);
  await publisher.publish("hall/a", "y".repeat(300), { qos: 1 });
  await other.receive("hall/a", "y".repeat(300));
});

ours(FIVE, "a packet of exactly the client's maximum packet size is sent [MQTT-3.1.2-24]", async (broker) => {
  const wire = await listener(broker, { maximumPacketSize: 200 }, 0);
  const publisher = await broker.client("publisher");
  // 1 type, 2 length, 2 + 6 topic, 1 properties.
  for (const [length, comes] of [
    [188, true],
    [189, false],
  ] as const) {
    publisher.send({ cmd: "publish", topic: "hall/a", payload: "x".repeat(length) });
    await publisher.expectQuiet();
    if (comes) expect((await wire.expect("publish"))["length"]).toBe(200 - 3);
  }
  await wire.expectQuiet();
});

ours(FIVE, "a message too large for a session's client does not block those after it", async (broker) => {
  const first = await broker.lasting("panel");
  await first.subscribe("hall", 1);
  await first.disconnect();
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "x".repeat(500), { qos: 1 });
  await publisher.publish("hall", "small", { qos: 1 });
  const second = await broker.lasting("panel", { properties: { maximumPacketSize: 200, receiveMaximum: 1 } });
  await second.receive("hall", "small");
  await second.disconnect();
  await (await broker.lasting("panel")).expectQuiet();
});

onLevels(
  FIVE,
  "a queued message is sent with its remaining expiry interval, or not at all [MQTT-3.3.2-5, -6]",
  async (broker) => {
    const first = await broker.lasting("panel");
    await first.subscribe("hall", 1);
    await first.disconnect();
    const publisher = await broker.client("publisher");
    const expiring = (messageExpiryInterval: number) => ({ qos: 1, properties: { messageExpiryInterval } });
    await publisher.publish("hall", "short", expiring(1));
    await publisher.publish("hall", "long", expiring(60));
    await publisher.publish("hall", "for ever", { qos: 1 });
    await broker.pass(2_500);
    const second = await broker.lasting("panel");
    const { properties } = await second.receive("hall", "long");
    expect(properties.messageExpiryInterval).toBeWithin(50, 59);
    const { properties: none } = await second.receive("hall", "for ever");
    expect(none?.messageExpiryInterval).toBeUndefined();
    await second.expectQuiet();
  },
);

onLevels(FIVE, "a message sent at once keeps its whole expiry interval [MQTT-3.3.2-6]", async (broker) => {
  const wire = await listener(broker, {});
  const publisher = await broker.client("publisher");
  publisher.send({ cmd: "publish", topic: "hall/a", payload: "x", properties: { messageExpiryInterval: 60 } });
  const { properties } = await wire.receive("hall/a", "x");
  expect(properties.messageExpiryInterval).toBeWithin(59, 61);
});

onLevels(
  ALL,
  "a client silent for one and a half times its keep alive is disconnected [MQTT-3.1.2-22]",
  async (broker) => {
    const other = await broker.client("other");
    await other.subscribe("wills", 1);
    const will = { topic: "wills", payload: Buffer.from("gone"), qos: 1 };
    const wire = await broker.client("panel", { keepalive: 2, will });
    await broker.pass(1_600);
    await wire.expectQuiet(); // its PINGREQ restarts the keep alive
    await broker.pass(1_600);
    await wire.expectQuiet();
    await broker.pass(5_500);
    await broker.refuses(wire, KEEP_ALIVE_TIMEOUT);
    await other.receive("wills", "gone");
  },
);

ours(ALL, "any packet from a client restarts its keep alive, to the millisecond", async (broker) => {
  const wire = await broker.client("panel", { keepalive: 10 });
  for (let i = 0; i < 5; i++) {
    await broker.pass(14_000);
    await wire.publish("hall", "x", { qos: 1 });
  }
  await broker.pass(14_900);
  await wire.expectQuiet();
  await broker.pass(15_100);
  await broker.refuses(wire, KEEP_ALIVE_TIMEOUT);
});

ours(
  FIVE,
  "a client without a keep alive, or with a long one, receives the server's [MQTT-3.1.2-21, MQTT-3.2.2-21]",
  async (broker) => {
    for (const keepalive of [0, 65_535]) {
      const wire = await broker.client("panel", { keepalive });
      const { serverKeepAlive } = wire.connack["properties"];
      expect(serverKeepAlive).toBeWithin(60, 65_535);
      await broker.pass(serverKeepAlive * 1_500 - 1_000);
      await wire.expectQuiet();
      await broker.pass(serverKeepAlive * 1_500 + 1_000);
      await broker.refuses(wire, KEEP_ALIVE_TIMEOUT);
    }
    const short = await broker.client("panel", { keepalive: 60 });
    expect(short.connack["properties"]?.serverKeepAlive).toBeUndefined();
  },
);

ours(OLD, "a keep alive of 0 never times out", async (broker) => {
  const wire = await broker.client("panel", { keepalive: 0 });
  await broker.pass(30 * 24 * 3_600_000);
  await wire.expectQuiet();
});

ours(ALL, "packets from the server do not restart a client's keep alive", async (broker) => {
  const wire = await broker.client("panel", { keepalive: 10 });
  await wire.subscribe("hall");
  const publisher = await broker.client("publisher");
  for (let i = 0; i < 3; i++) {
    await broker.pass(5_200);
    publisher.send({ cmd: "publish", topic: "hall", payload: "x" });
    await publisher.expectQuiet();
  }
  await wire.expect("publish");
  await wire.expect("publish");
  await broker.refuses(wire, KEEP_ALIVE_TIMEOUT);
});

ours(ALL, "the server does not wait for the rest of a packet, nor for a first one", async (broker) => {
  const silent = await broker.open();
  const half = await broker.open();
  half.send(half.bytesOf(broker.connectAs("panel")).subarray(0, 6));
  await half.flushed();
  // Other clients have connected and left meanwhile, so these were checked.
  await (await broker.client("other")).disconnect();
  await broker.pass(60_000);
  expect(await silent.expectClosed()).toBeUndefined();
  expect(await half.expectClosed()).toBeUndefined();
});

onLevels(OLD, "an MQTT 3 client is sent no properties and no reason codes", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 1);
  const publisher = await broker.client("publisher", {}, { level: 5 });
  const properties = { contentType: "text/plain", userProperties: { a: "1" } };
  await publisher.publish("hall", "x", { qos: 1, properties });
  const { properties: came, length } = await wire.receive("hall", "x");
  expect(came).toBeUndefined();
  expect(length).toBe(2 + 4 + 2 + 1);
});
