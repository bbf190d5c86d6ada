import { expect } from "bun:test";
import { ALL, FIVE, OLD, onLevels, ours } from "./broker-under-test.ts";

// PUBLISH in both directions: acknowledgements, order, and duplicates.

onLevels(ALL, "QoS 0 is not acknowledged [MQTT-4.3.1-1]", async (broker) => {
  const wire = await broker.client("panel");
  wire.send({ cmd: "publish", topic: "hall", payload: "x" });
  await wire.expectQuiet();
});

onLevels(ALL, "QoS 1 is acknowledged by PUBACK with its identifier [MQTT-4.3.2-4, MQTT-2.2.1-5]", async (broker) => {
  const wire = await broker.client("panel");
  for (const messageId of [1, 2, 65_535, 300]) {
    wire.send({ cmd: "publish", topic: "hall", payload: "x", qos: 1, messageId });
    await wire.expect("puback", { messageId });
  }
});

onLevels(ALL, "QoS 2 goes PUBREC, PUBREL, PUBCOMP, with its identifier [MQTT-4.3.3-8, -11]", async (broker) => {
  const wire = await broker.client("panel");
  for (const messageId of [1, 65_535, 300]) {
    wire.send({ cmd: "publish", topic: "hall", payload: "x", qos: 2, messageId });
    await wire.expect("pubrec", { messageId });
    await wire.expectQuiet();
    wire.send({ cmd: "pubrel", messageId });
    await wire.expect("pubcomp", { messageId });
  }
});

onLevels(ALL, "delivery is at the lower of published and granted QoS [MQTT-3.8.4-8]", async (broker) => {
  const publisher = await broker.client("publisher");
  for (const granted of [0, 1, 2] as const) {
    const subscriber = await broker.client(`subscriber${granted}`);
    expect(await subscriber.subscribe("hall", granted)).toEqual([granted]);
    for (const published of [0, 1, 2] as const) {
      await publisher.publish("hall", `at ${published}`, { qos: published });
      const qos = Math.min(granted, published);
      await subscriber.receive("hall", `at ${published}`, { qos, dup: false, retain: false });
    }
    await subscriber.expectQuiet();
  }
});

onLevels(ALL, "messages arrive whole, with any bytes, of any size [MQTT-4.2.0-1]", async (broker) => {
  const subscriber = await broker.client("subscriber");
  await subscriber.subscribe("hall", 1);
  const publisher = await broker.client("publisher");
  for (const size of [0, 1, 100, 127, 128, 16_384, 200_000, 2_097_152]) {
    const payload = crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536)));
    const whole = Buffer.concat(Array(Math.ceil(size / 65_536)).fill(payload)).subarray(0, size);
    await publisher.publish("hall", whole, { qos: 1 });
    const { payload: came } = await subscriber.receive("hall", undefined, { qos: 1 });
    expect(Buffer.compare(came ?? Buffer.alloc(0), whole)).toBe(0);
  }
});

onLevels(ALL, "messages of one publisher on one topic keep their order [MQTT-4.6.0-5, -6]", async (broker) => {
  const subscriber = await broker.client("subscriber");
  await subscriber.subscribe("hall", 2);
  const publisher = await broker.client("publisher");
  const count = 15;
  for (let i = 0; i < count; i++) {
    publisher.send({ cmd: "publish", topic: "hall", payload: `${i}`, qos: 1, messageId: i + 1 });
  }
  for (let i = 0; i < count; i++) {
    const { messageId } = await subscriber.expect("publish", { payload: `${i}`, qos: 1 });
    subscriber.send({ cmd: "puback", messageId });
  }
  for (let i = 0; i < count; i++) await publisher.expect("puback", { messageId: i + 1 });

  // QoS 2: all messages are sent first, then all releases.
  const ids = Array.from({ length: count }, (_, i) => 100 + i);
  publisher.send(
    ...ids.map((messageId) => ({ cmd: "publish", topic: "hall", payload: `${messageId}`, qos: 2, messageId })),
  );
  for (const messageId of ids) await publisher.expect("pubrec", { messageId });
  publisher.send(...ids.map((messageId) => ({ cmd: "pubrel", messageId })));
  for (const messageId of ids) await publisher.expect("pubcomp", { messageId });
  const came: number[] = [];
  for (const id of ids) came.push((await subscriber.expect("publish", { payload: `${id}`, qos: 2 }))["messageId"]);
  subscriber.send(...came.map((messageId) => ({ cmd: "pubrec", messageId })));
  for (const messageId of came) await subscriber.expect("pubrel", { messageId });
  subscriber.send(...came.map((messageId) => ({ cmd: "pubcomp", messageId })));
  await subscriber.expectQuiet();
});

onLevels(ALL, "acknowledgements are sent in the order of their packets [MQTT-4.6.0-2, -3, -4]", async (broker) => {
  const wire = await broker.client("panel", broker.lastingFields());
  await wire.subscribe("unheard/else", 2); // so that some have a lasting effect, and some have none
  const ids = Array.from({ length: 18 }, (_, i) => i + 1);
  wire.send(
    ...ids.map((messageId) => ({
      cmd: "publish",
      topic: ["one", "two", "three"][messageId % 3],
      payload: "x",
      qos: messageId % 2 ? 1 : 2,
      messageId,
    })),
  );
  const came = [];
  for (const _ of ids) came.push(await wire.next());
  expect(came.filter(({ cmd }) => cmd === "puback").map(({ messageId }) => messageId)).toEqual(
    ids.filter((i) => i % 2),
  );
  const received = ids.filter((i) => i % 2 === 0);
  expect(came.filter(({ cmd }) => cmd === "pubrec").map(({ messageId }) => messageId)).toEqual(received);
  wire.send(...received.map((messageId) => ({ cmd: "pubrel", messageId })));
  for (const messageId of received) await wire.expect("pubcomp", { messageId });
});

onLevels(
  ALL,
  "a QoS 2 message that is repeated before its PUBREL is delivered once [MQTT-4.3.3-10]",
  async (broker) => {
    const subscriber = await broker.client("subscriber");
    await subscriber.subscribe("hall", 0);
    const publisher = await broker.client("publisher");
    const message = { cmd: "publish", topic: "hall", payload: "once", qos: 2, messageId: 9 };
    publisher.send(message);
    await publisher.expect("pubrec", { messageId: 9 });
    publisher.send({ ...message, dup: true });
    await publisher.expect("pubrec", { messageId: 9 });
    publisher.send({ cmd: "pubrel", messageId: 9 });
    await publisher.expect("pubcomp", { messageId: 9 });
    await subscriber.receive("hall", "once");
    await subscriber.expectQuiet();
  },
);

onLevels(ALL, "after PUBCOMP the identifier may be used for another message [MQTT-4.3.3-12]", async (broker) => {
  const subscriber = await broker.client("subscriber");
  await subscriber.subscribe("hall", 0);
  const publisher = await broker.client("publisher");
  for (const dup of [false, true]) {
    await publisher.publish("hall", "again", { qos: 2, messageId: 9, dup });
    await subscriber.receive("hall", "again", { dup: false });
  }
  await subscriber.expectQuiet();
});

onLevels(ALL, "a repeated QoS 1 message is delivered again, without the DUP flag [MQTT-3.3.1-3]", async (broker) => {
  const subscriber = await broker.client("subscriber");
  await subscriber.subscribe("hall", 1);
  const publisher = await broker.client("publisher");
  for (const dup of [false, true]) {
    await publisher.publish("hall", "twice", { qos: 1, messageId: 9, dup });
    await subscriber.receive("hall", "twice", { dup: false });
  }
});

onLevels(OLD, "a PUBREL with an unknown identifier is answered with PUBCOMP [MQTT-4.3.3-11]", async (broker) => {
  const wire = await broker.client("panel");
  wire.send({ cmd: "pubrel", messageId: 77 });
  await wire.expect("pubcomp", { messageId: 77 });
});

onLevels(FIVE, "a PUBREL with an unknown identifier is answered with PUBCOMP 0x92", async (broker) => {
  const wire = await broker.client("panel");
  wire.send({ cmd: "pubrel", messageId: 77 });
  const { reasonCode } = await wire.expect("pubcomp", { messageId: 77 });
  if (!broker.isReference) expect(reasonCode).toBe(0x92);
});

ours(FIVE, "a PUBREC with an unknown identifier is answered with PUBREL 0x92", async (broker) => {
  const wire = await broker.client("panel");
  wire.send({ cmd: "pubrec", messageId: 77 });
  await wire.expect("pubrel", { messageId: 77, reasonCode: 0x92 });
});

ours(ALL, "acknowledgements of messages never sent are ignored", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 1);
  wire.send({ cmd: "puback", messageId: 5 }, { cmd: "pubcomp", messageId: 6 });
  await wire.expectQuiet();
  await (await broker.client("other")).publish("hall", "still here", { qos: 1 });
  await wire.receive("hall", "still here");
});

onLevels(FIVE, "a PUBREC with an error code ends the exchange [MQTT-4.3.3-4]", async (broker) => {
  const subscriber = await broker.client("subscriber");
  await subscriber.subscribe("hall", 2);
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "refused", { qos: 2 });
  const { messageId } = await subscriber.expect("publish", { payload: "refused", qos: 2 });
  subscriber.send({ cmd: "pubrec", messageId, reasonCode: 0x97 });
  await subscriber.expectQuiet();
  await publisher.publish("hall", "next", { qos: 2 });
  await subscriber.receive("hall", "next", { qos: 2 });
});

onLevels(
  FIVE,
  "the acknowledgement may say that there were no matching subscribers [MQTT-3.4.2-1, MQTT-3.5.2-1]",
  async (broker) => {
    const wire = await broker.client("panel");
    for (const qos of [1, 2]) {
      const acknowledgement = await wire.publish("unheard", "x", { qos });
      expect([0x00, 0x10]).toContain(acknowledgement?.["reasonCode"] ?? 0);
    }
    await wire.subscribe("unheard");
    wire.send({ cmd: "publish", topic: "unheard", payload: "x", qos: 1, messageId: 500 });
    const [, puback] = (await wire.expectAll({ cmd: "publish" }, { cmd: "puback" })).sort((a, b) =>
      a.cmd < b.cmd ? 1 : -1,
    );
    expect(puback?.["reasonCode"] ?? 0).toBe(0);
  },
);

onLevels(ALL, "an unacknowledged message is not repeated while the connection lasts [MQTT-4.4.0-1]", async (broker) => {
  const subscriber = await broker.lasting("subscriber");
  await subscriber.subscribe("hall", 2);
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "one", { qos: 1 });
  await publisher.publish("hall", "two", { qos: 2 });
  await subscriber.expect("publish", { payload: "one", dup: false });
  await subscriber.expect("publish", { payload: "two", dup: false });
  if (!broker.isReference) await broker.pass(120_000);
  await subscriber.expectQuiet();
});

onLevels(
  ALL,
  "an unacknowledged message is repeated on the next connection, with DUP and its identifier [MQTT-4.4.0-1, MQTT-3.3.1-1]",
  async (broker) => {
    const first = await broker.lasting("subscriber");
    await first.subscribe("hall", 2);
    const publisher = await broker.client("publisher");
    await publisher.publish("hall", "one", { qos: 1 });
    await publisher.publish("hall", "two", { qos: 2 });
    await publisher.publish("hall", "three", { qos: 2 });
    const one = await first.expect("publish", { payload: "one", qos: 1, dup: false });
    const two = await first.expect("publish", { payload: "two", qos: 2, dup: false });
    const three = await first.expect("publish", { payload: "three", qos: 2, dup: false });
    first.send({ cmd: "pubrec", messageId: three["messageId"] });
    await first.expect("pubrel", { messageId: three["messageId"] });
    first.abort();
    await first.ended;

    const second = await broker.lasting("subscriber");
    broker.expectResumed(second);
    await second.expect("publish", { payload: "one", qos: 1, dup: true, messageId: one["messageId"] });
    await second.expect("publish", { payload: "two", qos: 2, dup: true, messageId: two["messageId"] });
    await second.expect("pubrel", { messageId: three["messageId"] });
    second.send(
      { cmd: "puback", messageId: one["messageId"] },
      { cmd: "pubrec", messageId: two["messageId"] },
      { cmd: "pubcomp", messageId: three["messageId"] },
    );
    await second.expect("pubrel", { messageId: two["messageId"] });
    second.send({ cmd: "pubcomp", messageId: two["messageId"] });
    await second.expectQuiet();
    await second.disconnect();

    const third = await broker.lasting("subscriber");
    await third.expectQuiet();
  },
);

onLevels(
  ALL,
  "a QoS 2 message that was received before the connection was lost is not delivered again [MQTT-4.3.3-10]",
  async (broker) => {
    const subscriber = await broker.client("subscriber");
    await subscriber.subscribe("hall", 0);
    const first = await broker.lasting("publisher");
    const message = { cmd: "publish", topic: "hall", payload: "once", qos: 2, messageId: 9 };
    first.send(message);
    await first.expect("pubrec", { messageId: 9 });
    first.abort();
    await first.ended;
    const second = await broker.lasting("publisher");
    second.send({ ...message, dup: true });
    await second.expect("pubrec", { messageId: 9 });
    second.send({ cmd: "pubrel", messageId: 9 });
    await second.expect("pubcomp", { messageId: 9 });
    await subscriber.receive("hall", "once");
    await subscriber.expectQuiet();
  },
);

onLevels(ALL, "both ends may use the same packet identifier at once [MQTT-2.2.1-4]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 2);
  // The server's own first identifier is usually 1; this client uses every small one.
  for (let messageId = 1; messageId <= 5; messageId++) {
    wire.send({ cmd: "publish", topic: "hall", payload: `${messageId}`, qos: 2, messageId });
    const came = [];
    // Some brokers deliver at PUBLISH, some at PUBREL: both are right.
    while (came.length < 3) {
      const packet = await wire.next();
      came.push(packet);
      if (packet.cmd === "pubrec") wire.send({ cmd: "pubrel", messageId });
    }
    expect(came.map(({ cmd }) => cmd).toSorted()).toEqual(["pubcomp", "publish", "pubrec"]);
    const publish = came.find(({ cmd }) => cmd === "publish");
    const id = publish?.["messageId"];
    expect(publish).toMatchObject({ qos: 2 });
    wire.send({ cmd: "pubrec", messageId: id });
    await wire.expect("pubrel", { messageId: id });
    wire.send({ cmd: "pubcomp", messageId: id });
  }
  await wire.expectQuiet();
});

onLevels(ALL, "a client may acknowledge in any order", async (broker) => {
  const subscriber = await broker.lasting("subscriber");
  await subscriber.subscribe("hall", 1);
  const publisher = await broker.client("publisher");
  for (let i = 0; i < 5; i++) await publisher.publish("hall", `${i}`, { qos: 1 });
  const ids: number[] = [];
  for (let i = 0; i < 5; i++) ids.push((await subscriber.expect("publish", { payload: `${i}` }))["messageId"]);
  expect(new Set(ids).size).toBe(5);
  for (const at of [4, 0, 2]) subscriber.send({ cmd: "puback", messageId: ids[at] });
  await subscriber.expectQuiet();
  subscriber.abort();
  await subscriber.ended;
  const again = await broker.lasting("subscriber");
  await again.expect("publish", { payload: "1", messageId: ids[1], dup: true });
  await again.expect("publish", { payload: "3", messageId: ids[3], dup: true });
  await again.expectQuiet();
});
