import { expect } from "bun:test";
import type { Seen } from "../../support/mqtt/mqtt-wire.ts";
import { ALL, type Broker, type Client, FIVE, OLD, onLevels, ours } from "./broker-under-test.ts";

// SUBSCRIBE and UNSUBSCRIBE, topic filters, and shared subscriptions.

const PROTOCOL_ERROR = 0x82;
const TOPIC_FILTER_INVALID = 0x8f;

onLevels(
  ALL,
  "a filter matches by its wildcards, and otherwise literally [MQTT-4.7.1-2, MQTT-4.7.3-4]",
  async (broker) => {
    const publisher = await broker.client("publisher");
    const topics = [
      "sport",
      "sport/",
      "/sport",
      "sport/tennis",
      "sport/tennis/player1",
      "Sport",
      "sport/tennis/",
      "//",
      "a b",
    ];
    const expected: Record<string, string[]> = {
      "sport/#": ["sport", "sport/", "sport/tennis", "sport/tennis/player1", "sport/tennis/"],
      "sport/+": ["sport/", "sport/tennis"],
      "sport/+/player1": ["sport/tennis/player1"],
      "+": ["sport", "Sport", "a b"],
      "+/+": ["sport/", "/sport", "sport/tennis"],
      "/+": ["/sport"],
      "/#": ["/sport", "//"],
      "+/tennis/#": ["sport/tennis", "sport/tennis/player1", "sport/tennis/"],
      "#": topics,
      sport: ["sport"],
      "a b": ["a b"],
      "+/+/+": ["sport/tennis/player1", "sport/tennis/", "//"],
    };
    for (const [filter, matching] of Object.entries(expected)) {
      const wire = await broker.client("panel");
      expect(await wire.subscribe(filter)).toEqual([0]);
      for (const topic of topics) publisher.send({ cmd: "publish", topic, payload: "x" });
      await publisher.expectQuiet();
      const came: string[] = [];
      for (const _ of matching) came.push((await wire.expect("publish"))["topic"]);
      expect([filter, came]).toEqual([filter, topics.filter((topic) => matching.includes(topic))]);
      await wire.expectQuiet();
    }
  },
);

onLevels(ALL, "wildcards at the first level match no topic with $ [MQTT-4.7.2-1]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe(["#", "+/hall", "+"]);
  const publisher = await broker.client("publisher");
  for (const topic of ["$data", "$data/hall", "$"]) publisher.send({ cmd: "publish", topic, payload: "x" });
  await publisher.expectQuiet();
  await wire.expectQuiet();
});

ours(ALL, "a filter that names the $ matches", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe(["$data/#", "$data/+/x"]);
  const publisher = await broker.client("publisher");
  publisher.send({ cmd: "publish", topic: "$data/hall", payload: "x" });
  await wire.receive("$data/hall", "x");
});

/** An invalid filter is refused: at level 5 by its code, at level 4 by 0x80, or by ending the connection. */
async function refusesFilter(broker: Broker, wire: Client, filter: string): Promise<void> {
  wire.send({ cmd: "subscribe", messageId: 5, subscriptions: [{ topic: filter, qos: 0 }] });
  const answer = await wire.next().catch(() => undefined);
  if (answer?.cmd === "suback")
    expect([filter, answer["granted"]]).toEqual([filter, [broker.level < 5 ? 0x80 : TOPIC_FILTER_INVALID]]);
  else if (answer) expect([0x81, PROTOCOL_ERROR, TOPIC_FILTER_INVALID]).toContain(answer["reasonCode"]);
}

onLevels(ALL, "# is last and alone on its level, + is alone on its level [MQTT-4.7.1-1, -2]", async (broker) => {
  for (const filter of ["a/#/b", "a#", "#/a", "a/b#", "a+", "+a", "a/b+/c", "a/+b", "##", "a/##", "++"]) {
    await refusesFilter(broker, await broker.client("panel"), filter);
  }
});

onLevels(ALL, "SUBACK answers each filter in order [MQTT-3.8.4-1, -2, -5, -6, -7, MQTT-3.9.3-1]", async (broker) => {
  const wire = await broker.client("panel");
  const subscriptions = [2, 0, 1, 2].map((qos, i) => ({ topic: `hall/${i}`, qos }));
  wire.send({ cmd: "subscribe", messageId: 65_535, subscriptions });
  await wire.expect("suback", { messageId: 65_535, granted: [2, 0, 1, 2] });
});

onLevels(ALL, "the same filter again replaces the subscription [MQTT-3.8.4-3]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall/#", 0);
  await wire.subscribe("hall/#", 1);
  const publisher = await broker.client("publisher");
  await publisher.publish("hall/light", "x", { qos: 2 });
  await wire.receive("hall/light", "x", { qos: 1 });
  await wire.expectQuiet();
  await wire.unsubscribe("hall/#");
  await publisher.publish("hall/light", "y", { qos: 1 });
  await wire.expectQuiet();
});

onLevels(ALL, "overlapping filters deliver at the highest QoS among them [MQTT-3.3.4-2]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe([
    { topic: "hall/#", qos: 0 },
    { topic: "hall/light", qos: 2 },
    { topic: "+/light", qos: 1 },
    { topic: "end", qos: 0 },
  ]);
  const publisher = await broker.client("publisher");
  await publisher.publish("hall/light", "x", { qos: 2 });
  publisher.send({ cmd: "publish", topic: "end", payload: "x" });
  // Once for all, or once for each: both are right.
  const qos: number[] = [];
  for (let open = 1; open > 0; ) {
    const packet = await wire.next();
    if (packet.cmd === "pubrel") {
      wire.send({ cmd: "pubcomp", messageId: packet["messageId"] });
      open--;
    } else if (packet["topic"] === "end") open--;
    else qos.push(packet["qos"]);
    if (packet["qos"] === 2) {
      wire.send({ cmd: "pubrec", messageId: packet["messageId"] });
      open++;
    }
    if (packet["qos"] === 1 && packet.cmd === "publish") wire.send({ cmd: "puback", messageId: packet["messageId"] });
  }
  expect(Math.max(...qos)).toBe(2);
});

onLevels(
  ALL,
  "UNSUBACK answers every UNSUBSCRIBE, and messages stop [MQTT-3.10.4-1, -2, -4, -5, -6]",
  async (broker) => {
    const wire = await broker.client("panel");
    await wire.subscribe(["hall", "door", "hall/#"]);
    const unsuback = await wire.unsubscribe("hall", "hall/+", "door");
    if (broker.level === 5) expect(unsuback["granted"]).toEqual([0, 0x11, 0]); // [MQTT-3.11.3-1, -2]
    const publisher = await broker.client("publisher");
    for (const topic of ["hall", "door"]) publisher.send({ cmd: "publish", topic, payload: "x" });
    await publisher.expectQuiet();
    await wire.receive("hall", "x"); // by hall/#
    await wire.expectQuiet();
  },
);

onLevels(ALL, "an exchange that has begun is completed after UNSUBSCRIBE [MQTT-3.10.4-3]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 2);
  await (await broker.client("publisher")).publish("hall", "x", { qos: 2 });
  const { messageId } = await wire.expect("publish", { qos: 2 });
  await wire.unsubscribe("hall");
  wire.send({ cmd: "pubrec", messageId });
  await wire.expect("pubrel", { messageId });
  wire.send({ cmd: "pubcomp", messageId });
  await wire.expectQuiet();
});

onLevels(FIVE, "no local suppresses a client's own messages [MQTT-3.8.3-3]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe([{ topic: "hall", qos: 1, nl: true }]);
  await wire.publish("hall", "own", { qos: 1 });
  await wire.expectQuiet();
  await (await broker.client("other")).publish("hall", "another's", { qos: 1 });
  await wire.receive("hall", "another's");
});

onLevels(OLD, "without the no local option of MQTT 5 a client gets its own messages", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall");
  wire.send({ cmd: "publish", topic: "hall", payload: "own" });
  await wire.receive("hall", "own");
});

ours(FIVE, "no local on a shared subscription is a protocol error [MQTT-3.8.3-4]", async (broker) => {
  const wire = await broker.client("panel");
  wire.send({ cmd: "subscribe", messageId: 5, subscriptions: [{ topic: "$share/group/hall", qos: 1, nl: true }] });
  await broker.refuses(wire, PROTOCOL_ERROR);
});

onLevels(FIVE, "a message has the identifier of its subscription [MQTT-3.3.4-3]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 1, { subscriptionIdentifier: 1 });
  await wire.subscribe("door", 1, { subscriptionIdentifier: 268_435_455 });
  await wire.subscribe("window", 1);
  const publisher = await broker.client("publisher");
  for (const [topic, ids] of [
    ["hall", [1]],
    ["door", [268_435_455]],
    ["window", [undefined]],
  ] as const) {
    await publisher.publish(topic, "x", { qos: 1 });
    const { properties } = await wire.receive(topic, "x");
    expect([properties?.subscriptionIdentifier].flat()).toEqual([...ids]);
  }
});

onLevels(
  FIVE,
  "a message that matches several subscriptions has all identifiers [MQTT-3.3.4-4, -5]",
  async (broker) => {
    const wire = await broker.client("panel");
    await wire.subscribe("hall/#", 0, { subscriptionIdentifier: 7 });
    await wire.subscribe("hall/+", 0, { subscriptionIdentifier: 8 });
    await wire.subscribe("door", 0, { subscriptionIdentifier: 9 });
    const publisher = await broker.client("publisher");
    publisher.send(
      { cmd: "publish", topic: "hall/light", payload: "x" },
      { cmd: "publish", topic: "door", payload: "x" },
    );
    const ids: number[] = [];
    for (;;) {
      const packet = await wire.expect("publish");
      ids.push(...[packet["properties"].subscriptionIdentifier].flat());
      if (packet["topic"] === "door") break;
    }
    expect(ids.toSorted()).toEqual([7, 8, 9]);
  },
);

onLevels(FIVE, "subscribing again changes the identifier, or removes it", async (broker) => {
  const wire = await broker.client("panel");
  const publisher = await broker.client("publisher");
  for (const subscriptionIdentifier of [7, 8, undefined]) {
    await wire.subscribe("hall", 0, subscriptionIdentifier ? { subscriptionIdentifier } : {});
    publisher.send({ cmd: "publish", topic: "hall", payload: "x" });
    const { properties } = await wire.receive("hall", "x");
    expect([properties?.subscriptionIdentifier].flat()).toEqual([subscriptionIdentifier]);
  }
});

onLevels(FIVE, "subscription identifiers last as long as the session", async (broker) => {
  const first = await broker.lasting("panel");
  await first.subscribe("hall", 1, { subscriptionIdentifier: 42 });
  await first.disconnect();
  await (await broker.client("publisher")).publish("hall", "x", { qos: 1 });
  const second = await broker.lasting("panel");
  const { properties } = await second.receive("hall", "x");
  expect([properties.subscriptionIdentifier].flat()).toEqual([42]);
});

/** Publishes `count` messages and returns how many each of the wires received. */
async function deal(publisher: Client, wires: Client[], topic: string, count: number, qos = 0): Promise<number[]> {
  for (let i = 0; i < count; i++) await publisher.publish(topic, `${i}`, { qos });
  await publisher.expectQuiet();
  return Promise.all(wires.map((wire) => countUntilQuiet(wire)));
}

async function countUntilQuiet(wire: Client): Promise<number> {
  let count = 0;
  wire.send({ cmd: "pingreq" });
  for (;;) {
    const packet: Seen = await wire.next();
    if (packet.cmd === "pingresp") return count;
    expect(packet.cmd).toBe("publish");
    if (packet["qos"] === 1) wire.send({ cmd: "puback", messageId: packet["messageId"] });
    count++;
  }
}

onLevels(
  FIVE,
  "a message goes to one member of each group, and to every ordinary subscriber [MQTT-4.8.2-3]",
  async (broker) => {
    const [a, b, c, other] = (await Promise.all(["a", "b", "c", "other"].map((name) => broker.client(name)))) as [
      Client,
      Client,
      Client,
      Client,
    ];
    for (const wire of [a, b]) expect(await wire.subscribe("$share/one/hall/+")).toEqual([0]);
    expect(await c.subscribe("$share/two/hall/+")).toEqual([0]);
    await other.subscribe("hall/#");
    const publisher = await broker.client("publisher");
    const counts = await deal(publisher, [a, b, c, other], "hall/light", 20);
    expect([(counts[0] ?? 0) + (counts[1] ?? 0), counts[2], counts[3]]).toEqual([20, 20, 20]);
    if (!broker.isReference) expect(Math.min(counts[0] ?? 0, counts[1] ?? 0)).toBeGreaterThan(0);
  },
);

onLevels(FIVE, "a client may be in a group and also have an ordinary subscription", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe(["$share/one/hall", "hall"]);
  const publisher = await broker.client("publisher");
  expect(await deal(publisher, [wire], "hall", 3)).toEqual([6]);
});

onLevels(FIVE, "a member that unsubscribes or disconnects gets no more of the group's messages", async (broker) => {
  const [a, b, c] = (await Promise.all(["a", "b", "c"].map((name) => broker.client(name)))) as [Client, Client, Client];
  for (const wire of [a, b, c]) await wire.subscribe("$share/one/hall", 1);
  expect((await a.unsubscribe("$share/one/hall"))["granted"]).toEqual([0]);
  await b.disconnect();
  const publisher = await broker.client("publisher");
  expect(await deal(publisher, [a, c], "hall", 6, 1)).toEqual([0, 6]);
});

ours(FIVE, "a connected member is preferred to a stored session", async (broker) => {
  const away = await broker.lasting("away");
  await away.subscribe("$share/one/hall", 1);
  const here = await broker.client("here");
  await here.subscribe("$share/one/hall", 1);
  await away.disconnect();
  const publisher = await broker.client("publisher");
  expect(await deal(publisher, [here], "hall", 6, 1)).toEqual([6]);
  await here.disconnect();
  // With no member connected, the stored session receives it.
  await publisher.publish("hall", "kept", { qos: 1 });
  const back = await broker.lasting("away");
  await back.receive("hall", "kept");
});

ours(FIVE, "a shared subscription needs a name and a filter [MQTT-4.8.2-1, -2]", async (broker) => {
  for (const filter of ["$share/", "$share/one", "$share//hall", "$share/o+e/hall", "$share/o#e/hall", "$share/one/"]) {
    await refusesFilter(broker, await broker.client("panel"), filter);
  }
});

onLevels(FIVE, "a member is sent messages at its own QoS [MQTT-4.8.2-4]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("$share/one/hall", 0);
  await (await broker.client("publisher")).publish("hall", "x", { qos: 1 });
  await wire.receive("hall", "x", { qos: 0 });
});
