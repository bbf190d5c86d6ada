import { expect } from "bun:test";
import { ALL, type Broker, FIVE, onLevels, ours } from "./broker-under-test.ts";

// Wills: messages published for clients whose connection was lost.

const WILL = { topic: "wills/panel", payload: Buffer.from("gone"), qos: 1, retain: false };

/** A client that subscribes to wills. */
async function willSubscriber(broker: Broker) {
  const wire = await broker.client("willSubscriber");
  await wire.subscribe("wills/#", 2);
  return wire;
}

onLevels(ALL, "the will of a lost connection is published [MQTT-3.1.2-7, -8]", async (broker) => {
  const other = await willSubscriber(broker);
  for (const qos of [0, 1, 2]) {
    const wire = await broker.client("panel", { will: { ...WILL, qos } });
    await other.expectQuiet();
    wire.abort();
    await other.receive("wills/panel", "gone", { qos, retain: false });
  }
});

onLevels(ALL, "DISCONNECT discards the will [MQTT-3.14.4-3, MQTT-3.1.2-10]", async (broker) => {
  const other = await willSubscriber(broker);
  const wire = await broker.client("panel", { will: WILL });
  await wire.disconnect();
  await broker.client("panel");
  await other.expectQuiet();
});

onLevels(FIVE, "DISCONNECT 0x04 publishes the will", async (broker) => {
  const other = await willSubscriber(broker);
  const wire = await broker.client("panel", { will: WILL });
  wire.send({ cmd: "disconnect", reasonCode: 0x04 });
  await other.receive("wills/panel", "gone");
});

onLevels(ALL, "a connection that closes without DISCONNECT, or breaks the protocol, counts as lost", async (broker) => {
  const other = await willSubscriber(broker);
  const ending = await broker.client("panel", { will: WILL });
  ending.end();
  await other.receive("wills/panel", "gone");
  const breaking = await broker.client("panel", { will: WILL });
  breaking.send(Uint8Array.of(0x36, 0)); // QoS 3
  await other.receive("wills/panel", "gone");
});

onLevels(ALL, "a connection that is taken over counts as lost", async (broker) => {
  const other = await willSubscriber(broker);
  await broker.client("panel", { will: WILL });
  await broker.client("panel");
  await other.receive("wills/panel", "gone");
  await other.expectQuiet();
});

onLevels(ALL, "a will with retain becomes a retained message [MQTT-3.1.2-14, -15]", async (broker) => {
  const other = await willSubscriber(broker);
  const wire = await broker.client("panel", { will: { ...WILL, retain: true } });
  wire.abort();
  await other.receive("wills/panel", "gone", { retain: false });
  const later = await broker.client("later");
  await later.subscribe("wills/panel", 1);
  await later.receive("wills/panel", "gone", { retain: true });
});

onLevels(ALL, "an empty will with retain removes the retained message", async (broker) => {
  const other = await willSubscriber(broker);
  await other.publish("elsewhere", "x");
  const publisher = await broker.client("publisher");
  await publisher.publish("wills/panel", "here", { qos: 1, retain: true });
  await other.receive("wills/panel", "here");
  const wire = await broker.client("panel", { will: { ...WILL, payload: Buffer.alloc(0), retain: true } });
  wire.abort();
  await other.receive("wills/panel", "");
  const later = await broker.client("later");
  await later.subscribe("wills/panel", 1);
  await later.expectQuiet();
});

onLevels(ALL, "each connection has its own will", async (broker) => {
  const other = await willSubscriber(broker);
  const first = await broker.client("panel", { will: WILL });
  await first.disconnect();
  const second = await broker.client("panel", { will: { ...WILL, payload: Buffer.from("gone again") } });
  second.abort();
  await other.receive("wills/panel", "gone again");
  const third = await broker.client("panel");
  third.abort();
  await third.ended;
  await other.expectQuiet();
});

onLevels(ALL, "a will is delivered to the client's own session", async (broker) => {
  const first = await broker.lasting("panel", { will: WILL });
  await first.subscribe("wills/#", 1);
  const other = await willSubscriber(broker);
  first.abort();
  await other.receive("wills/panel", "gone");
  const second = await broker.lasting("panel");
  await second.receive("wills/panel", "gone");
});

onLevels(FIVE, "a will keeps its properties [MQTT-3.1.3-10]", async (broker) => {
  const other = await willSubscriber(broker);
  const properties = {
    payloadFormatIndicator: true,
    messageExpiryInterval: 60,
    contentType: "text/plain",
    responseTopic: "answers",
    correlationData: Buffer.from([1, 2, 0]),
    userProperties: { why: "power", when: "now" },
  };
  const wire = await broker.client("panel", { will: { ...WILL, properties } });
  wire.abort();
  const { properties: came } = await other.receive("wills/panel", "gone");
  expect(came).toMatchObject({ ...properties, messageExpiryInterval: expect.any(Number) });
});

onLevels(FIVE, "a delayed will is published after its delay [MQTT-3.1.2-8]", async (broker) => {
  const other = await willSubscriber(broker);
  const will = { ...WILL, properties: { willDelayInterval: 2 } };
  const wire = await broker.lasting("panel", { will });
  wire.abort();
  await wire.ended;
  await other.expectQuiet();
  await broker.pass(3_500);
  await other.receive("wills/panel", "gone");
  await other.expectQuiet();
});

onLevels(FIVE, "a client that reconnects in time cancels its delayed will [MQTT-3.1.3-9]", async (broker) => {
  const other = await willSubscriber(broker);
  const will = { ...WILL, properties: { willDelayInterval: 2 } };
  const first = await broker.lasting("panel", { will });
  first.abort();
  await first.ended;
  broker.expectResumed(await broker.lasting("panel"));
  await broker.pass(3_500);
  await other.expectQuiet();
});

ours(FIVE, "a delayed will is published at the latest when its session ends [MQTT-3.1.2-8]", async (broker) => {
  const other = await willSubscriber(broker);
  const properties = { willDelayInterval: 600 };
  const short = await broker.lasting("panel", {
    will: { ...WILL, properties },
    properties: { sessionExpiryInterval: 5 },
  });
  short.abort();
  await short.ended;
  await broker.pass(4_000);
  await other.expectQuiet();
  await broker.pass(2_000);
  await other.receive("wills/panel", "gone");
  // A session that ends with its connection ends the delay at once.
  const none = await broker.client("panel", { will: { ...WILL, properties } });
  none.abort();
  await other.receive("wills/panel", "gone");
  // So does a session ended by a clean start.
  await broker.lasting("panel", { will: { ...WILL, properties } });
  await broker.client("panel");
  await other.receive("wills/panel", "gone");
});

ours(
  FIVE,
  "a delayed will of a connection that is taken over is dropped if the session is resumed [MQTT-3.1.3-9]",
  async (broker) => {
    const other = await willSubscriber(broker);
    const will = { ...WILL, properties: { willDelayInterval: 5 } };
    await broker.lasting("panel", { will });
    broker.expectResumed(await broker.lasting("panel"));
    await broker.pass(20_000);
    await other.expectQuiet();
  },
);

ours(FIVE, "the expiry interval of a delayed will starts when it is published", async (broker) => {
  const other = await willSubscriber(broker);
  const will = { ...WILL, properties: { willDelayInterval: 10, messageExpiryInterval: 5 } };
  const wire = await broker.lasting("panel", { will });
  wire.abort();
  await wire.ended;
  await broker.pass(11_000);
  await other.receive("wills/panel", "gone");
});

ours(ALL, "a will's topic must be a valid topic name [MQTT-3.1.3-11, MQTT-4.7.0-1]", async (broker) => {
  for (const topic of ["", "a/#", "+", "a\0b"]) {
    const wire = await broker.open();
    const bytes = Buffer.from(wire.bytesOf(broker.connectAs("panel", { will: { ...WILL, topic: topic || "x" } })));
    if (topic === "") {
      // The codec does not write an empty will topic.
      const at = bytes.indexOf(Buffer.from([0, 1, 120, 0, 4]));
      const shorter = Buffer.concat([bytes.subarray(0, at), Buffer.from([0, 0]), bytes.subarray(at + 3)]);
      shorter[1] = (shorter[1] as number) - 1;
      wire.send(shorter);
    } else wire.send(bytes);
    await broker.refusesConnect(wire, 0x81, 0x82, 0x90);
  }
});
