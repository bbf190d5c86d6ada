import { expect } from "bun:test";
import { ALL, FIVE, onLevels, ours } from "./broker-under-test.ts";

// Retained messages: the last message of a topic, for later subscribers.

onLevels(
  ALL,
  "a new subscription gets the retained message, with the retain flag [MQTT-3.3.1-5, -9]",
  async (broker) => {
    const publisher = await broker.client("publisher");
    await publisher.publish("hall", "old", { qos: 1, retain: true });
    await publisher.publish("hall", "new", { qos: 1, retain: true });
    const wire = await broker.client("panel");
    await wire.subscribe("hall", 1);
    await wire.receive("hall", "new", { qos: 1, retain: true, dup: false });
    await wire.expectQuiet();
  },
);

onLevels(ALL, "an existing subscription gets it without the retain flag [MQTT-3.3.1-12]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 1);
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "live", { qos: 1, retain: true });
  await wire.receive("hall", "live", { retain: false });
});

onLevels(ALL, "an empty one removes it, and is not retained itself [MQTT-3.3.1-6, -7]", async (broker) => {
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "x", { qos: 1, retain: true });
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 1);
  await wire.receive("hall", "x");
  await publisher.publish("hall", "", { qos: 1, retain: true });
  await wire.receive("hall", "", { retain: false });
  const later = await broker.client("later");
  await later.subscribe("hall", 1);
  await later.expectQuiet();
});

onLevels(ALL, "a message without retain neither replaces nor removes it [MQTT-3.3.1-8]", async (broker) => {
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "kept", { qos: 1, retain: true });
  await publisher.publish("hall", "passing", { qos: 1 });
  await publisher.publish("hall", "", { qos: 1 });
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 1);
  await wire.receive("hall", "kept", { retain: true });
  await wire.expectQuiet();
});

onLevels(ALL, "it is delivered at the lower QoS [MQTT-3.8.4-8]", async (broker) => {
  const publisher = await broker.client("publisher");
  for (const qos of [0, 1, 2]) await publisher.publish(`at/${qos}`, `${qos}`, { qos, retain: true });
  await publisher.expectQuiet();
  for (const granted of [0, 1, 2] as const) {
    for (const qos of [0, 1, 2]) {
      const wire = await broker.client("panel");
      await wire.subscribe(`at/${qos}`, granted);
      await wire.receive(`at/${qos}`, `${qos}`, { qos: Math.min(qos, granted), retain: true });
    }
  }
});

onLevels(ALL, "a wildcard gets all that match", async (broker) => {
  const publisher = await broker.client("publisher");
  const topics = ["a", "a/b", "a/b/c", "a/c", "b", "/a", "a/", "a//c"];
  for (const topic of topics) await publisher.publish(topic, topic, { qos: 1, retain: true });
  const expected = {
    "#": topics,
    "a/#": ["a", "a/b", "a/b/c", "a/c", "a/", "a//c"],
    "a/+": ["a/b", "a/c", "a/"],
    "+": ["a", "b"],
    "+/+": ["a/b", "a/c", "/a", "a/"],
    "a/+/c": ["a/b/c", "a//c"],
    "c/#": [],
  };
  for (const [filter, matching] of Object.entries(expected)) {
    const wire = await broker.client("panel");
    await wire.subscribe(filter, 1);
    const came: string[] = [];
    for (const _ of matching) came.push((await wire.expect("publish", { retain: true }))["topic"]);
    expect([filter, came.toSorted()]).toEqual([filter, matching.toSorted()]);
    await wire.expectQuiet();
  }
});

onLevels(ALL, "subscribing again to the same filter sends it again [MQTT-3.8.4-4]", async (broker) => {
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "x", { qos: 1, retain: true });
  const wire = await broker.client("panel");
  for (let i = 0; i < 2; i++) {
    await wire.subscribe("hall", 1);
    await wire.receive("hall", "x", { retain: true });
  }
});

onLevels(ALL, "it outlives its publisher and a clean session [MQTT-3.3.1-5]", async (broker) => {
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "x", { qos: 1, retain: true });
  await publisher.disconnect();
  await (await broker.client("publisher")).disconnect();
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 1);
  await wire.receive("hall", "x", { retain: true });
});

onLevels(ALL, "one at QoS 0 is kept like any other", async (broker) => {
  const publisher = await broker.client("publisher");
  publisher.send({ cmd: "publish", topic: "hall", payload: "x", retain: true });
  // The next acknowledged message waits for its effect.
  await publisher.publish("elsewhere", "y", { qos: 1, retain: true });
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 1);
  await wire.receive("hall", "x", { retain: true, qos: 0 });
});

onLevels(ALL, "each filter of a SUBSCRIBE gets its retained messages [MQTT-3.8.4-5]", async (broker) => {
  const publisher = await broker.client("publisher");
  for (const topic of ["hall", "door"]) await publisher.publish(topic, topic, { qos: 1, retain: true });
  const wire = await broker.client("panel");
  expect(await wire.subscribe(["hall", { topic: "door", qos: 0 }], 1)).toEqual([1, 0]);
  await wire.expectAll(
    { cmd: "publish", topic: "hall", qos: 1, retain: true },
    { cmd: "publish", topic: "door", qos: 0, retain: true },
  );
});

onLevels(FIVE, "retain handling 1 sends it to new subscriptions only, 2 never [MQTT-3.3.1-10, -11]", async (broker) => {
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "x", { qos: 1, retain: true });
  const wire = await broker.client("panel");
  await wire.subscribe([{ topic: "hall", qos: 1, rh: 2 }]);
  await wire.expectQuiet();
  await wire.unsubscribe("hall");
  await wire.subscribe([{ topic: "hall", qos: 1, rh: 1 }]);
  await wire.receive("hall", "x", { retain: true });
  await wire.subscribe([{ topic: "hall", qos: 1, rh: 1 }]);
  await wire.expectQuiet();
  await wire.subscribe([{ topic: "hall", qos: 1, rh: 0 }]);
  await wire.receive("hall", "x", { retain: true });
});

onLevels(
  FIVE,
  "for retain handling 1 a resumed session's subscription exists already [MQTT-3.3.1-10]",
  async (broker) => {
    const publisher = await broker.client("publisher");
    await publisher.publish("hall", "x", { qos: 1, retain: true });
    const first = await broker.lasting("panel");
    await first.subscribe([{ topic: "hall", qos: 1, rh: 1 }]);
    await first.receive("hall", "x");
    await first.disconnect();
    const second = await broker.lasting("panel");
    await second.subscribe([{ topic: "hall", qos: 1, rh: 1 }]);
    await second.expectQuiet();
  },
);

onLevels(FIVE, "retain as published keeps the retain flag [MQTT-3.3.1-13]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe([{ topic: "hall", qos: 1, rap: true }]);
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "kept", { qos: 1, retain: true });
  await wire.receive("hall", "kept", { retain: true });
  await publisher.publish("hall", "passing", { qos: 1 });
  await wire.receive("hall", "passing", { retain: false });
});

onLevels(FIVE, "it is delivered with all its properties", async (broker) => {
  const publisher = await broker.client("publisher");
  const properties = {
    payloadFormatIndicator: true,
    contentType: "text/plain",
    responseTopic: "answers",
    correlationData: Buffer.from([0, 1, 255]),
    userProperties: { a: "1" },
  };
  await publisher.publish("hall", "x", { qos: 1, retain: true, properties });
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 1);
  const { properties: came } = await wire.receive("hall", "x", { retain: true });
  expect(came).toMatchObject({ ...properties, userProperties: { a: "1" } });
});

onLevels(FIVE, "it expires [MQTT-3.3.2-5, -6]", async (broker) => {
  const publisher = await broker.client("publisher");
  const retain = { qos: 1, retain: true };
  await publisher.publish("short", "x", { ...retain, properties: { messageExpiryInterval: 1 } });
  await publisher.publish("long", "x", { ...retain, properties: { messageExpiryInterval: 100 } });
  await broker.pass(2_500);
  const wire = await broker.client("panel");
  await wire.subscribe(["short", "long"], 1);
  const { properties } = await wire.receive("long", "x");
  expect(properties.messageExpiryInterval).toBeLessThan(100);
  expect(properties.messageExpiryInterval).toBeGreaterThan(90);
  await wire.expectQuiet();
});

ours(FIVE, "a shared subscription gets none (4.8.2)", async (broker) => {
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "x", { qos: 1, retain: true });
  const wire = await broker.client("panel");
  await wire.subscribe("$share/group/hall", 1);
  await wire.expectQuiet();
});

onLevels(FIVE, "it is delivered with the identifier of the new subscription [MQTT-3.3.4-3]", async (broker) => {
  const publisher = await broker.client("publisher");
  await publisher.publish("hall", "x", { qos: 1, retain: true });
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 1, { subscriptionIdentifier: 9 });
  const { properties } = await wire.receive("hall", "x", { retain: true });
  expect([properties.subscriptionIdentifier].flat()).toEqual([9]);
});
