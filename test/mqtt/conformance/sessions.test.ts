import { expect } from "bun:test";
import { ALL, type Broker, FIVE, OLD, onLevels, ours } from "./broker-under-test.ts";

// Sessions: what outlives a connection, for how long, and which client takes it over.

const PROTOCOL_ERROR = 0x82;
const SESSION_TAKEN_OVER = 0x8e;

/** A client that publishes at QoS 1 and disconnects. */
async function publish(broker: Broker, topic: string, payload: string, fields = {}): Promise<void> {
  const wire = await broker.client("publisher");
  await wire.publish(topic, payload, { qos: 1, ...fields });
  await wire.disconnect();
}

onLevels(
  ALL,
  "a session keeps its subscriptions and queues their messages while disconnected [MQTT-3.1.2-5]",
  async (broker) => {
    const first = await broker.lasting("panel");
    broker.expectResumed(first, false); // [MQTT-3.1.2-6]
    await first.subscribe(["hall", { topic: "door/+", qos: 2 }], 1);
    await first.disconnect();
    const publisher = await broker.client("publisher");
    await publisher.publish("hall", "one", { qos: 1 });
    await publisher.publish("door/front", "two", { qos: 2 });
    await publisher.publish("hall", "three", { qos: 2 });
    await publisher.publish("window", "not for it", { qos: 1 });

    const second = await broker.lasting("panel");
    broker.expectResumed(second);
    const came = (await second.take(3)).map(({ topic, payload, qos, dup }) => [topic, String(payload), qos, dup]);
    expect(came).toEqual([
      ["hall", "one", 1, false],
      ["door/front", "two", 2, false],
      ["hall", "three", 1, false],
    ]);
    await publisher.publish("hall", "four", { qos: 1 });
    await second.receive("hall", "four");
    await second.expectQuiet();
    await second.disconnect();

    const third = await broker.lasting("panel");
    await third.expectQuiet();
  },
);

onLevels(ALL, "a clean start begins with an empty session [MQTT-3.1.2-4, MQTT-3.2.2-2]", async (broker) => {
  const first = await broker.lasting("panel");
  await first.subscribe("hall", 1);
  await first.disconnect();
  await publish(broker, "hall", "lost");
  const second = await broker.client("panel");
  broker.expectResumed(second, false);
  await publish(broker, "hall", "lost too");
  await second.expectQuiet();
  await second.disconnect();
  const third = await broker.lasting("panel");
  broker.expectResumed(third, false);
  await third.expectQuiet();
});

onLevels(OLD, "a clean session ends with its connection [MQTT-3.1.2-6 of 3.1.1]", async (broker) => {
  const first = await broker.client("panel");
  await first.subscribe("hall", 1);
  await first.disconnect();
  await publish(broker, "hall", "lost");
  const second = await broker.lasting("panel");
  broker.expectResumed(second, false);
  await second.expectQuiet();
});

onLevels(FIVE, "a session without an expiry interval ends with its connection [MQTT-3.1.2-23]", async (broker) => {
  for (const properties of [{}, { sessionExpiryInterval: 0 }]) {
    const first = await broker.client("panel", { clean: false, properties });
    broker.expectResumed(first, false);
    await first.subscribe("hall", 1);
    await first.disconnect();
  }
  broker.expectResumed(await broker.lasting("panel"), false);
});

onLevels(
  FIVE,
  "a session lasts as long as its expiry interval, and no longer [MQTT-3.1.2-23, MQTT-4.1.0-2]",
  async (broker) => {
    const short = { properties: { sessionExpiryInterval: 2 } };
    const first = await broker.lasting("panel", short);
    await first.subscribe("hall", 1);
    await first.disconnect();
    await publish(broker, "hall", "in time");
    const second = await broker.lasting("panel", short);
    broker.expectResumed(second);
    await second.receive("hall", "in time");
    await second.disconnect();
    await broker.pass(4_500);
    const third = await broker.lasting("panel", short);
    broker.expectResumed(third, false);
    await publish(broker, "hall", "too late");
    await third.expectQuiet();
  },
);

ours(FIVE, "a session does not expire while its connection lasts [MQTT-4.1.0-1]", async (broker) => {
  const wire = await broker.lasting("panel", { properties: { sessionExpiryInterval: 2 } });
  await wire.subscribe("hall", 1);
  await broker.pass(10_000);
  await publish(broker, "hall", "still");
  await wire.receive("hall", "still");
  wire.abort();
  await wire.ended;
  broker.expectResumed(await broker.lasting("panel"));
});

ours(
  ALL,
  "a session that never expires lasts for the server's maximum, which MQTT 5 clients receive (3.2.2.3.2)",
  async (broker) => {
    const asked = { properties: { sessionExpiryInterval: 0xffffffff } };
    const wire = await broker.lasting("panel", asked);
    const days = 24 * 3_600_000;
    const kept = (wire.connack["properties"]?.sessionExpiryInterval ?? 90 * 24 * 3_600) * 1_000;
    expect(kept).toBeGreaterThanOrEqual(30 * days);
    await wire.disconnect();
    await broker.pass(kept - 1_000);
    const again = await broker.lasting("panel", asked);
    broker.expectResumed(again);
    await again.disconnect();
    await broker.pass(kept + 1_000);
    broker.expectResumed(await broker.lasting("panel"), false);
  },
);

onLevels(FIVE, "DISCONNECT may set another expiry interval", async (broker) => {
  const first = await broker.lasting("panel");
  await first.subscribe("hall", 1);
  await first.disconnect({ reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
  const second = await broker.lasting("panel", { properties: { sessionExpiryInterval: 1 } });
  broker.expectResumed(second, false);
  await second.disconnect({ reasonCode: 0, properties: { sessionExpiryInterval: 600 } });
  await broker.pass(2_500);
  broker.expectResumed(await broker.lasting("panel"));
});

ours(FIVE, "DISCONNECT cannot set an expiry interval if CONNECT had none", async (broker) => {
  const wire = await broker.client("panel");
  wire.send({ cmd: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 600 } });
  await broker.refuses(wire, PROTOCOL_ERROR);
  broker.expectResumed(await broker.lasting("panel"), false);
});

onLevels(ALL, "a second connection takes the session over and ends the first [MQTT-3.1.4-3]", async (broker) => {
  const first = await broker.lasting("panel");
  await first.subscribe("hall", 1);
  const second = await broker.lasting("panel");
  await broker.refuses(first, SESSION_TAKEN_OVER);
  broker.expectResumed(second);
  await publish(broker, "hall", "to the second");
  await second.receive("hall", "to the second");
});

onLevels(ALL, "messages that the first had not acknowledged are sent to the second, with DUP", async (broker) => {
  const first = await broker.lasting("panel");
  await first.subscribe("hall", 1);
  await publish(broker, "hall", "unread");
  const { messageId } = await first.expect("publish", { payload: "unread" });
  const second = await broker.lasting("panel");
  await second.expect("publish", { payload: "unread", dup: true, messageId });
  second.send({ cmd: "puback", messageId });
  await second.expectQuiet();
});

onLevels(ALL, "a clean start ends the first connection too, and its session", async (broker) => {
  const first = await broker.lasting("panel");
  await first.subscribe("hall", 1);
  const second = await broker.client("panel");
  await broker.refuses(first, SESSION_TAKEN_OVER);
  broker.expectResumed(second, false);
  await publish(broker, "hall", "lost");
  await second.expectQuiet();
});

onLevels(ALL, "of many simultaneous connections of one client one stays", async (broker) => {
  const wires = await Promise.all(Array.from({ length: 10 }, () => broker.open()));
  for (const wire of wires) wire.send(broker.connectAs("panel", broker.lastingFields()));
  const last = wires.at(-1);
  if (!last) return;
  await Promise.all(wires.slice(0, -1).map(({ ended }) => ended));
  await last.expect("connack");
  await last.expectQuiet();
});

onLevels(ALL, "each client identifier has a session of its own [MQTT-3.1.3-2]", async (broker) => {
  const one = await broker.lasting("panel");
  await one.subscribe("hall", 1);
  await one.disconnect();
  const other = await broker.lasting("Panel");
  broker.expectResumed(other, false);
  await publish(broker, "hall", "for one");
  await other.expectQuiet();
  const again = await broker.lasting("panel");
  await again.receive("hall", "for one");
});

onLevels(ALL, "an unsubscription outlives the connection, as a subscription does", async (broker) => {
  const first = await broker.lasting("panel");
  await first.subscribe(["hall", "door"], 1);
  await first.unsubscribe("hall");
  await first.disconnect();
  await publish(broker, "hall", "no more");
  await publish(broker, "door", "still");
  const second = await broker.lasting("panel");
  await second.receive("door", "still");
  await second.expectQuiet();
});

onLevels(ALL, "many messages queued for a session arrive in order", async (broker) => {
  const first = await broker.lasting("panel");
  await first.subscribe("hall", 2);
  await first.disconnect();
  const publisher = await broker.client("publisher");
  const count = 300;
  for (let i = 0; i < count; i++) await publisher.publish("hall", `${i}`, { qos: 1 + (i % 2) });
  const second = await broker.lasting("panel");
  const came = (await second.take(count)).map(({ payload }) => String(payload));
  const inOrder = (parity: number) => came.filter((payload) => Number(payload) % 2 === parity);
  for (const parity of [0, 1]) {
    expect(inOrder(parity)).toEqual(inOrder(parity).toSorted((a, b) => Number(a) - Number(b)));
  }
  expect(new Set(came).size).toBe(count);
});

ours(
  ALL,
  "many messages queued for a session arrive in the order of publishing, whatever their QoS",
  async (broker) => {
    const first = await broker.lasting("panel");
    await first.subscribe("hall", 2);
    await first.disconnect();
    const publisher = await broker.client("publisher");
    for (let i = 0; i < 9; i++) await publisher.publish("hall", `${i}`, { qos: 1 + (i % 2) });
    const second = await broker.lasting("panel");
    const came: string[] = [];
    for (let i = 0; i < 9; i++) came.push(String((await second.expect("publish"))["payload"]));
    expect(came).toEqual(Array.from({ length: 9 }, (_, i) => `${i}`));
  },
);
