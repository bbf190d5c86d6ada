import { expect, test } from "bun:test";
import { acknowledge, releaseOutgoing } from "../../../src/mqtt/persistence/acknowledge.ts";
import { dropEndedQueues, dropExpiredMessages } from "../../../src/mqtt/persistence/clear-away.ts";
import {
  HUB_BYTES_MAX,
  STORED_QUEUE_BYTES_MAX,
  STORED_QUEUE_MESSAGES_MAX,
} from "../../../src/mqtt/persistence/store-limits.ts";
import { openMqttStore, textOf } from "../../support/mqtt/mqtt-store.ts";

const KEPT_APART = "x".repeat(5000);

test("a message goes through the store unaltered, small and large, empty and with all its properties", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  const properties = {
    payloadFormatIndicator: true,
    contentType: "text/plain",
    responseTopic: "r/1",
    correlationData: "AP8=",
    userProperties: [
      ["k", "1"],
      ["k", '\u{1f600}"'],
    ] as [string, string][],
  };
  const sent = [
    mqtt.message("a", ""),
    mqtt.message("a/é", "small", { properties, qos: 2, retain: true, expiresAt: mqtt.world.clock.now() + 5000 }),
    mqtt.message("a/b", KEPT_APART, { properties }),
    mqtt.message("bin", "", { payload: new Uint8Array([0, 255, 0]) }),
    mqtt.message("bin", "", { payload: new Uint8Array(2000).fill(254) }),
  ];
  for (const message of sent) {
    await mqtt.publish(message, [
      mqtt.to(sessionId, { qos: 2, retain: true, subscriptionIdentifiers: [1, 268435455] }),
    ]);
  }
  const got = mqtt.queued(sessionId);
  expect(got.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5]);
  for (const [i, { message, qos, retain, subscriptionIdentifiers }] of got.entries()) {
    expect({ ...message, payload: [...(message?.payload ?? [])] }).toEqual({
      ...(sent[i] as (typeof sent)[0]),
      payload: [...(sent[i]?.payload ?? [])],
    });
    expect([qos, retain, subscriptionIdentifiers]).toEqual([2, true, [1, 268435455]]);
  }
});

test("a large message for many recipients is stored once, and deleted with the last acknowledgement", async () => {
  await using mqtt = await openMqttStore();
  const sessions = [await mqtt.openKept({ clientId: "a" }), await mqtt.openKept({ clientId: "b" })];
  const [a, b] = sessions as [number, number];
  await mqtt.publish(mqtt.message("t", KEPT_APART), [mqtt.to(a), mqtt.to(99), mqtt.to(b, { qos: 2 })]);
  expect(mqtt.count("mqtt_messages")).toBe(1);
  expect(mqtt.queued(b)[0]).toMatchObject({ position: 1, qos: 2 });
  await mqtt.run(acknowledge, { sessionId: a, positions: [1] });
  expect(textOf(mqtt.queued(b)[0]?.message?.payload)).toBe(KEPT_APART);
  await mqtt.run(releaseOutgoing, { sessionId: b, position: 1 });
  expect([mqtt.count("mqtt_messages"), mqtt.count("mqtt_queue")]).toEqual([0, 1]);
  expect(mqtt.usage()).toMatchObject([{ bytes: 0, told: 0 }]);
});

test("one read is bounded in number and bytes, and never empty", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  for (let i = 0; i < 8; i++) await mqtt.publish(mqtt.message("t", "x".repeat(100_000)), [mqtt.to(sessionId)]);
  await mqtt.publish(mqtt.message("t", "x".repeat(4 * 1024 * 1024)), [mqtt.to(sessionId)]);
  const positions = (from: number, limit = 1000) => mqtt.queued(sessionId, from, limit).map(({ position }) => position);
  expect(positions(1)).toEqual([1, 2, 3]);
  expect(positions(1, 2)).toEqual([1, 2]);
  expect(positions(4)).toEqual([4, 5, 6]);
  expect(positions(9)).toEqual([9]);
  expect(positions(10)).toEqual([]);
});

test("a queue has a maximum number of messages; the newest is dropped, for its own recipient only", async () => {
  await using mqtt = await openMqttStore();
  const full = await mqtt.openKept({ clientId: "full" });
  const free = await mqtt.openKept({ clientId: "free" });
  await Promise.all(
    Array.from({ length: STORED_QUEUE_MESSAGES_MAX }, () => mqtt.publish(mqtt.message("t", "1"), [mqtt.to(full)])),
  );
  const one = mqtt.message("t", "2");
  expect(await mqtt.publish(one, [mqtt.to(full), mqtt.to(free)])).toEqual({
    positions: [null, 1],
    dropped: 1,
    duplicate: false,
  });
  await mqtt.run(acknowledge, { sessionId: full, positions: [2] });
  expect((await mqtt.publish(one, [mqtt.to(full)])).dropped).toBe(1);
  await mqtt.run(acknowledge, { sessionId: full, positions: [1] });
  expect((await mqtt.publish(one, [mqtt.to(full)])).positions).toEqual([STORED_QUEUE_MESSAGES_MAX + 1]);
});

test("a queue has a maximum number of bytes, however few its messages", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  const large = mqtt.message("t", "x".repeat(4 * 1024 * 1024));
  const fit = Math.floor(STORED_QUEUE_BYTES_MAX / large.payload.length) - 1;
  for (let i = 0; i < fit; i++) expect((await mqtt.publish(large, [mqtt.to(sessionId)])).dropped).toBe(0);
  expect(await mqtt.publish(large, [mqtt.to(sessionId)])).toMatchObject({ positions: [null], dropped: 1 });
  await mqtt.run(acknowledge, { sessionId, positions: [1] });
  expect((await mqtt.publish(large, [mqtt.to(sessionId)])).positions).toEqual([fit + 1]);
});

test("a hub has one budget for all that it stores, other hubs have their own", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  const other = (await mqtt.call("POST", "/hubs", { name: "second", product_plan: "plan_dedicated" })).body;
  const theirs = await mqtt.createDevice("d", { hub_id: other.id });
  const takeBytes = (bytes: number) =>
    mqtt.world.seed((connection) =>
      connection.run("UPDATE mqtt_usage SET bytes = bytes + ? WHERE hub_id = ?", bytes, mqtt.hub.id),
    );
  takeBytes(HUB_BYTES_MAX - 6000);
  const message = mqtt.message("t", KEPT_APART);
  const failure = (write: Promise<unknown>) => write.then(String, (error) => error.failure);
  expect((await mqtt.publish(message, [mqtt.to(sessionId)])).positions).toEqual([1]);
  expect(await mqtt.publish(message, [mqtt.to(sessionId)], { retain: true })).toMatchObject({
    positions: [null],
    dropped: 1,
    retainedRefused: true,
  });
  const will = { topic: "w", payload: message.payload, qos: 1 as const, retain: false, properties: null };
  const withWill = { clientId: "w", will: { ...will, delayS: 0, messageExpiryS: null } };
  expect(await failure(mqtt.open(withWill))).toMatchObject({ code: "limited", quota: { resource: "hub_memory" } });

  const away = await mqtt.openKept({ hubId: other.id, deviceId: theirs.device.id });
  expect((await mqtt.publish(message, [mqtt.to(away)], { hubId: other.id, retain: true })).dropped).toBe(0);
  await mqtt.run(acknowledge, { sessionId, positions: [1] });
  expect((await mqtt.publish(message, [mqtt.to(sessionId)])).positions).toEqual([2]);
  takeBytes(6000 - HUB_BYTES_MAX);
});

test("many small messages are charged at their size, within a few kilobytes per session", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  for (let i = 0; i < 200; i++) await mqtt.publish(mqtt.message("t", "x".repeat(99)), [mqtt.to(sessionId)]);
  const [{ bytes, told }] = mqtt.usage();
  expect(bytes).toBe(told);
  expect(bytes).toBeWithin(200 * 200 - 4096, 200 * 200 + 1);
  await mqtt.run(acknowledge, { sessionId, positions: Array.from({ length: 200 }, (_, i) => i + 1) });
  expect(mqtt.usage()).toMatchObject([{ bytes: 0, told: 0 }]);
});

test("messages that expired unsent are not sent, and are dropped; sent ones stay until they are answered [MQTT-3.3.2-5]", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  const expiresAt = mqtt.world.clock.now() + 1000;
  for (const text of ["1", "2"]) await mqtt.publish(mqtt.message("t", text, { expiresAt }), [mqtt.to(sessionId)]);
  await mqtt.publish(mqtt.message("t", "3"), [mqtt.to(sessionId)]);
  await mqtt.publish(mqtt.message("t", KEPT_APART, { expiresAt }), [mqtt.to(sessionId, { qos: 2 })]);
  const positions = () => mqtt.queued(sessionId).map(({ position }) => position);
  mqtt.world.clock.advance(999);
  expect(positions()).toEqual([1, 2, 3, 4]);
  mqtt.world.clock.advance(1);
  expect(positions()).toEqual([3]);
  // The connection skips them.
  expect(await mqtt.run(dropExpiredMessages, { limit: 10 })).toEqual({ done: 0, more: false });
  await mqtt.suspend(sessionId, { sentThrough: 1 });
  expect(await mqtt.run(dropExpiredMessages, { limit: 10 })).toEqual({ done: 2, more: false });
  expect([positions(), mqtt.count("mqtt_messages")]).toEqual([[1, 3], 0]);
  expect(await mqtt.open()).toMatchObject({ oldest: 1, next: 5, sentThrough: 1 });
});

test("a deleted or moved device leaves no session, queue or will, and a deleted hub leaves no retained message", async () => {
  await using mqtt = await openMqttStore();
  const second = (await mqtt.call("POST", "/hubs", { name: "second", product_plan: "plan_dedicated" })).body;
  const will = { topic: "w", payload: new Uint8Array(3), qos: 1, retain: false, properties: null, delayS: 60 } as const;
  const tables = ["mqtt_sessions", "mqtt_wills", "mqtt_queue", "mqtt_messages", "mqtt_received"];
  const leave = async (change: (id: string) => Promise<unknown>) => {
    const { device } = await mqtt.createDevice(`d${mqtt.count("events")}`);
    const session = await mqtt.openKept({ deviceId: device.id, will: { ...will, messageExpiryS: null } });
    await mqtt.publish(mqtt.message("t", KEPT_APART), [mqtt.to(session)], {
      receivedFrom: { sessionId: session, packetId: 1 },
    });
    await mqtt.suspend(session);
    expect(tables.map(mqtt.count)).toEqual([1, 1, 1, 1, 1]);
    await change(device.id);
    expect(tables.slice(0, 2).map(mqtt.count)).toEqual([0, 0]);
    for (let more = true; more; ) ({ more } = await mqtt.run(dropEndedQueues, { limit: 10 }));
    expect([tables.map(mqtt.count), mqtt.usage()[0].bytes, mqtt.count("mqtt_ended_sessions")]).toEqual([
      [0, 0, 0, 0, 0],
      0,
      0,
    ]);
  };
  await leave((id) => mqtt.call("DELETE", `/devices/${id}`));
  await leave((id) => mqtt.call("PATCH", `/devices/${id}`, { hub_id: second.id }));
  const keeps = await mqtt.openKept();
  await mqtt.call("PATCH", `/devices/${mqtt.device.id}`, { description: "Nothing that concerns MQTT" });
  expect((await mqtt.open()).sessionId).toBe(keeps);
});
