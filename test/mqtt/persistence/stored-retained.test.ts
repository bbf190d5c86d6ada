import { expect, test } from "bun:test";
import fc from "fast-check";
import { dropExpiredMessages, dropRetainedOfDeletedHubs } from "../../../src/mqtt/persistence/clear-away.ts";
import { listRetained, pageRetained } from "../../../src/mqtt/persistence/retained-rows.ts";
import { RETAINED_MESSAGES_MAX } from "../../../src/mqtt/persistence/store-limits.ts";
import { matches } from "../../../src/mqtt/wire/topics.ts";
import { openMqttStore, textOf } from "../../support/mqtt/mqtt-store.ts";

async function openRetained() {
  const mqtt = await openMqttStore();
  const retain = (topic: string, text: string, rest: Parameters<typeof mqtt.message>[2] = {}) =>
    mqtt.publish(mqtt.message(topic, text, rest), [], { retain: true });
  const list = (filter: string, limitBytes = 1e9, hubId: string = mqtt.hub.id) =>
    mqtt.world.store.read((reader) => listRetained(reader, hubId, filter, limitBytes));
  const topics = (filter: string) => list(filter).map(({ topic }) => topic);
  return { ...mqtt, retain, list, topics };
}

test("a topic has one retained message, the latest, until an empty one removes it [MQTT-3.3.1-5, MQTT-3.3.1-6]", async () => {
  await using mqtt = await openRetained();
  await mqtt.retain("a/b", "1");
  await mqtt.retain("a/b", "2".repeat(3000), { qos: 2, properties: { contentType: "text/plain" } });
  expect(mqtt.list("a/b")).toMatchObject([{ qos: 2, retain: true, properties: { contentType: "text/plain" } }]);
  expect(textOf(mqtt.list("a/+")[0]?.payload)).toBe("2".repeat(3000));
  expect(mqtt.usage()[0]).toMatchObject({ retained_count: 1, retained_told: 1 });
  await mqtt.retain("a/b", "");
  await mqtt.retain("a/c", "");
  expect([mqtt.list("#"), mqtt.usage()[0]]).toEqual([[], { bytes: 0, told: 0, retained_count: 0, retained_told: 0 }]);
});

test("an expired retained message is not found, and is dropped soon", async () => {
  await using mqtt = await openRetained();
  await mqtt.retain("a", "1", { expiresAt: mqtt.world.clock.now() + 1000 });
  await mqtt.retain("b", "1");
  mqtt.world.clock.advance(1000);
  expect([mqtt.topics("#"), mqtt.topics("a")]).toEqual([["b"], []]);
  expect(await mqtt.run(dropExpiredMessages, { limit: 10 })).toEqual({ done: 1, more: false });
  expect([mqtt.count("mqtt_retained"), mqtt.usage()[0].retained_count]).toEqual([1, 1]);
});

const anyLevel = fc.constantFrom("", "a", "b", "a!", "a0", "é", "\u{1f600}", "$SYS");
const anyTopic = fc.array(anyLevel, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
const anyFilter = fc
  .tuple(fc.array(fc.oneof(anyLevel, fc.constant("+")), { maxLength: 3 }), fc.boolean())
  .map(([levels, rest]) => [...levels, ...(rest || levels.length === 0 ? ["#"] : [])].join("/"));

test("a filter finds exactly the topics that it matches one by one", async () => {
  await using mqtt = await openRetained();
  const known = new Set<string>();
  const property = fc.asyncProperty(
    fc.array(anyTopic),
    fc.array(anyFilter, { minLength: 1 }),
    async (topics, filters) => {
      for (const topic of topics.filter((topic) => topic !== "")) {
        known.add(topic);
        await mqtt.retain(topic, topic);
      }
      for (const filter of filters.filter((filter) => filter !== "")) {
        expect(mqtt.topics(filter).toSorted()).toEqual([...known].filter((topic) => matches(filter, topic)).toSorted());
      }
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

test("very many are read in pages, limited by topics examined and by bytes, each once", async () => {
  await using mqtt = await openRetained();
  const number = mqtt.world.query("SELECT number FROM mqtt_usage")[0].number as number;
  mqtt.world.seed((connection) => {
    for (let i = 0; i < 5000; i++) {
      connection.run(
        "INSERT INTO mqtt_retained (hub_number, topic, qos, published_at, bytes, payload) VALUES (?, ?, 0, 0, 300, ?)",
        ...([number, `d/${i}`.padEnd(8, "-") + (i % 2 ? "/x" : "/y"), new Uint8Array(190)] as const),
      );
    }
  });
  const page = (after: string | null, limitBytes = 1e9) =>
    mqtt.world.store.read((reader) => pageRetained(reader, mqtt.hub.id, "d/+/x", { after, limitBytes }));
  const sizes: number[] = [];
  const seen = new Set<string>();
  for (let after: string | null = null; ; ) {
    const { messages, next } = page(after);
    sizes.push(messages.length);
    for (const { topic } of messages) seen.add(topic);
    if (next === null) break;
    after = next;
  }
  expect([sizes.length, seen.size]).toEqual([21, 2500]);
  expect(page(null, 1000).messages.length).toBe(3);
  expect(page(null, 1).messages.length).toBe(1);
  expect(mqtt.list("d/+/x").length).toBe(2500);
  expect(mqtt.list("d/+/x", 30_000).length).toBe(100);
});

test("a hub has a maximum number of retained messages; at the maximum, replacing one is still possible", async () => {
  await using mqtt = await openRetained();
  await mqtt.retain("a", "1");
  const takeRoom = (count: number) =>
    mqtt.world.seed((connection) => connection.run("UPDATE mqtt_usage SET retained_count = retained_count + ?", count));
  takeRoom(RETAINED_MESSAGES_MAX);
  expect((await mqtt.retain("b", "1")).retainedRefused).toBe(true);
  expect(await mqtt.retain("a", "2")).toEqual({ positions: [], dropped: 0, duplicate: false });
  expect([mqtt.topics("#"), textOf(mqtt.list("a")[0]?.payload)]).toEqual([["a"], "2"]);
  takeRoom(-RETAINED_MESSAGES_MAX);
});

test("hubs share no retained messages, and those of a deleted hub are deleted", async () => {
  await using mqtt = await openRetained();
  const other = (await mqtt.call("POST", "/hubs", { name: "second", product_plan: "plan_dedicated" })).body;
  for (let i = 0; i < 5; i++) {
    await mqtt.publish(mqtt.message(`t/${i}`, "1"), [], { hubId: other.id, retain: true });
  }
  await mqtt.retain("t/0", "mine");
  expect([mqtt.topics("#"), mqtt.list("#", 1e9, other.id).length]).toEqual([["t/0"], 5]);
  expect((await mqtt.call("DELETE", `/hubs/${other.id}`)).status).toBe(204);
  expect((await mqtt.publish(mqtt.message("t", "1"), [], { hubId: other.id, retain: true })).retainedRefused).toBe(
    undefined,
  );
  for (let more = true; more; ) ({ more } = await mqtt.run(dropRetainedOfDeletedHubs, { limit: 2 }));
  expect([mqtt.count("mqtt_retained"), mqtt.count("mqtt_usage")]).toEqual([1, 1]);
});
