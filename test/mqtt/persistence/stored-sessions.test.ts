import { expect, test } from "bun:test";
import { acknowledge, releaseOutgoing, releaseReceivedPacketId } from "../../../src/mqtt/persistence/acknowledge.ts";
import { dropEndedQueues, expireSessions } from "../../../src/mqtt/persistence/clear-away.ts";
import { deleteSubscriptions, saveSubscriptions } from "../../../src/mqtt/persistence/save-subscriptions.ts";
import { SESSIONS_PER_DEVICE_MAX, SUBSCRIPTIONS_MAX } from "../../../src/mqtt/persistence/store-limits.ts";
import { listSessions } from "../../../src/mqtt/persistence/subscription-rows.ts";
import { suspendLeftConnected } from "../../../src/mqtt/persistence/suspend-session.ts";
import { openMqttStore, subscription, textOf } from "../../support/mqtt/mqtt-store.ts";

const failureOf = (write: Promise<unknown>) =>
  write.then(
    () => undefined,
    (error) => error.failure.code,
  );

test("a session that ends with its connection and leaves no will is not stored", async () => {
  await using mqtt = await openMqttStore();
  expect(await mqtt.open({ expiryIntervalS: 0, cleanStart: true })).toEqual({
    sessionId: null,
    present: false,
    subscriptions: [],
    received: [],
    oldest: 1,
    next: 1,
    sentThrough: 0,
    dueWills: [],
  });
  expect(mqtt.count("mqtt_sessions")).toBe(0);
});

test("a returning client finds its subscriptions, its queue and the identifiers that wait [MQTT-3.1.2-4]", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  const mine = [subscription("a/#", { qos: 2, subscriptionIdentifier: 7 }), subscription("b", { noLocal: true })];
  expect(await mqtt.run(saveSubscriptions, { sessionId, subscriptions: [...mine, subscription("c")] })).toBe(true);
  await mqtt.run(deleteSubscriptions, { sessionId, filters: ["c", "none"] });
  await mqtt.publish(mqtt.message("x"), [], { receivedFrom: { sessionId, packetId: 9 } });
  for (const text of ["1", "2", "3"]) await mqtt.publish(mqtt.message("a/b", text), [mqtt.to(sessionId)]);
  await mqtt.run(acknowledge, { sessionId, positions: [1] });
  await mqtt.suspend(sessionId, { sentThrough: 2 });
  expect(await mqtt.open()).toEqual({
    sessionId,
    present: true,
    subscriptions: mine,
    received: [9],
    oldest: 2,
    next: 4,
    sentThrough: 2,
    dueWills: [],
  });
  expect(mqtt.queued(sessionId).map(({ position, message }) => [position, textOf(message?.payload)])).toEqual([
    [2, "2"],
    [3, "3"],
  ]);
  await mqtt.run(acknowledge, { sessionId, positions: [3, 2] });
  await mqtt.suspend(sessionId);
  expect(await mqtt.open()).toMatchObject({ present: true, oldest: 4, next: 4, sentThrough: 3 });
});

test("a subscription to the same filter is replaced [MQTT-3.8.4-3], and a request with too many is refused as a whole", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  const many = Array.from({ length: SUBSCRIPTIONS_MAX }, (_, i) => subscription(`f/${String(i).padStart(4, "0")}`));
  await mqtt.run(saveSubscriptions, { sessionId, subscriptions: many });
  await mqtt.run(saveSubscriptions, { sessionId, subscriptions: [subscription("f/0000", { qos: 0 })] });
  expect(await failureOf(mqtt.run(saveSubscriptions, { sessionId, subscriptions: [subscription("more")] }))).toBe(
    "limited",
  );
  const [session] = mqtt.world.store.read((reader) => listSessions(reader));
  expect([session?.subscriptions.length, session?.subscriptions[0]?.qos]).toEqual([SUBSCRIPTIONS_MAX, 0]);
  expect(session).toMatchObject({ sessionId, hubId: mqtt.hub.id, clientId: "c", deviceId: mqtt.device.id });
  expect(await mqtt.run(saveSubscriptions, { sessionId: 99, subscriptions: [subscription("a")] })).toBe(false);
});

test("clean start drops the stored session, at once for its client and soon on disk [MQTT-3.1.2-4]", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  await mqtt.run(saveSubscriptions, { sessionId, subscriptions: [subscription("a")] });
  for (let i = 0; i < 5; i++) await mqtt.publish(mqtt.message("a", "x".repeat(2000)), [mqtt.to(sessionId)]);
  const again = await mqtt.open({ cleanStart: true });
  expect(again).toMatchObject({ present: false, subscriptions: [], oldest: 1, next: 1 });
  expect(again.sessionId).toBeGreaterThan(sessionId);
  expect(mqtt.queued(again.sessionId as number)).toEqual([]);
  // A late acknowledgement of the old session, and messages for it, have no effect.
  await mqtt.run(acknowledge, { sessionId, positions: [1] });
  expect(await mqtt.publish(mqtt.message("a"), [mqtt.to(sessionId)])).toEqual({
    positions: [null],
    dropped: 0,
    duplicate: false,
  });
  for (let i = 0; i < 4; i++) await mqtt.run(dropEndedQueues, { limit: 2 });
  expect(["mqtt_queue", "mqtt_messages", "mqtt_ended_sessions", "mqtt_subscriptions"].map(mqtt.count)).toEqual([
    0, 0, 0, 0,
  ]);
  expect(mqtt.usage()).toMatchObject([{ bytes: 0, told: 0 }]);
});

test("an expired session is absent from that instant on, even before a job has run [MQTT-3.1.2-23]", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept({ expiryIntervalS: 60 });
  mqtt.world.clock.advance(3_600_000);
  expect(await mqtt.run(expireSessions, { limit: 10 })).toEqual([]);
  await mqtt.suspend(sessionId, { expiryIntervalS: 60 });
  mqtt.world.clock.advance(59_999);
  expect((await mqtt.publish(mqtt.message("a"), [mqtt.to(sessionId)])).positions).toEqual([1]);
  expect(mqtt.world.store.read((reader) => listSessions(reader)).length).toBe(1);
  mqtt.world.clock.advance(1);
  expect((await mqtt.publish(mqtt.message("a"), [mqtt.to(sessionId)])).positions).toEqual([null]);
  expect(mqtt.world.store.read((reader) => listSessions(reader))).toEqual([]);
  expect((await mqtt.open()).present).toBe(false);
  expect(await mqtt.run(expireSessions, { limit: 10 })).toEqual([]);
});

test("an interval of 0xFFFFFFFF never ends, and DISCONNECT may change it", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept({ expiryIntervalS: 0xffff_ffff });
  await mqtt.suspend(sessionId, { expiryIntervalS: 0xffff_ffff });
  mqtt.world.clock.advance(1e12);
  expect((await mqtt.open()).present).toBe(true);
  await mqtt.suspend(sessionId, { expiryIntervalS: 10 });
  mqtt.world.clock.advance(10_000);
  expect(await mqtt.run(expireSessions, { limit: 10 })).toEqual([sessionId]);
  expect(mqtt.count("mqtt_sessions")).toBe(0);
});

test("a session resumed with an interval of 0 is present once more and ends with its connection", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  await mqtt.suspend(sessionId);
  expect(await mqtt.open({ expiryIntervalS: 0 })).toMatchObject({ sessionId, present: true });
  await mqtt.suspend(sessionId, { expiryIntervalS: 0 });
  expect(mqtt.count("mqtt_sessions")).toBe(0);
});

test("sessions whose connections ended with the server are suspended when it starts, slice by slice", async () => {
  await using mqtt = await openMqttStore();
  for (const clientId of ["a", "b", "c"]) {
    const sessionId = await mqtt.openKept({ clientId, expiryIntervalS: clientId === "b" ? 0xffff_ffff : 60 });
    await mqtt.publish(mqtt.message("x"), [mqtt.to(sessionId)]);
  }
  const first = await mqtt.run(suspendLeftConnected, { afterId: 0, limit: 2 });
  expect(first.done).toBe(2);
  expect(await mqtt.run(suspendLeftConnected, { afterId: first.last as number, limit: 2 })).toEqual({
    done: 1,
    last: null,
  });
  expect(await mqtt.open({ clientId: "a" })).toMatchObject({ present: true, sentThrough: 1 });
  mqtt.world.clock.advance(60_000);
  expect((await mqtt.run(expireSessions, { limit: 10 })).length).toBe(1);
});

test("a session belongs to its device and hub: no other device takes it over by its client identifier, and no other hub can add to its queue", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  await mqtt.publish(mqtt.message("a", "secret"), [mqtt.to(sessionId)]);
  const other = (await mqtt.createDevice("other")).device;
  const theirs = await mqtt.open({ deviceId: other.id });
  expect(theirs).toMatchObject({ present: false, next: 1 });
  expect(mqtt.queued(theirs.sessionId as number)).toEqual([]);

  const hub = (await mqtt.call("POST", "/hubs", { name: "second", product_plan: "plan_dedicated" })).body;
  expect(await failureOf(mqtt.open({ hubId: hub.id }))).toBe("not_found");
  expect((await mqtt.publish(mqtt.message("a"), [mqtt.to(sessionId)], { hubId: hub.id })).positions).toEqual([null]);
});

test("a device has a maximum number of sessions, and existing ones stay usable at the maximum", async () => {
  await using mqtt = await openMqttStore();
  for (let i = 0; i < SESSIONS_PER_DEVICE_MAX; i++) await mqtt.open({ clientId: `c${i}` });
  expect(await failureOf(mqtt.open({ clientId: "more" }))).toBe("limited");
  expect((await mqtt.open({ clientId: "more", expiryIntervalS: 0, cleanStart: true })).sessionId).toBe(null);
  expect((await mqtt.open({ clientId: "c7" })).present).toBe(true);
  expect((await mqtt.open({ clientId: "c7", cleanStart: true })).present).toBe(false);
});

test("only the packet identifier of a released message is kept, until the end of its exchange [MQTT-4.3.3-5]", async () => {
  await using mqtt = await openMqttStore();
  const sessionId = await mqtt.openKept();
  await mqtt.publish(mqtt.message("a", "x".repeat(5000)), [
    mqtt.to(sessionId, { qos: 2, subscriptionIdentifiers: [3] }),
  ]);
  expect(mqtt.queued(sessionId)[0]).toMatchObject({ released: false, subscriptionIdentifiers: [3], qos: 2 });
  await mqtt.run(releaseOutgoing, { sessionId, position: 1 });
  await mqtt.run(releaseOutgoing, { sessionId, position: 1 });
  await mqtt.run(releaseOutgoing, { sessionId, position: 2 });
  expect(mqtt.queued(sessionId)).toEqual([
    { position: 1, qos: 2, retain: false, released: true, subscriptionIdentifiers: [], message: null },
  ]);
  expect([mqtt.count("mqtt_messages"), mqtt.usage()[0]]).toEqual([
    0,
    { bytes: 0, told: 0, retained_count: 0, retained_told: 0 },
  ]);
  await mqtt.run(acknowledge, { sessionId, positions: [1] });
  expect(mqtt.queued(sessionId)).toEqual([]);
});

test("a QoS 2 message from a client is accepted once, until its packet identifier is released [MQTT-4.3.3-10]", async () => {
  await using mqtt = await openMqttStore();
  const from = await mqtt.openKept({ clientId: "from" });
  const to = await mqtt.openKept({ clientId: "to" });
  const receivedFrom = { sessionId: from, packetId: 5 };
  const send = (text: string) => mqtt.publish(mqtt.message("a", text), [mqtt.to(to)], { receivedFrom });
  expect(await send("1")).toEqual({ positions: [1], dropped: 0, duplicate: false });
  expect(await send("1")).toEqual({ positions: [], dropped: 0, duplicate: true });
  await mqtt.run(releaseReceivedPacketId, receivedFrom);
  await mqtt.run(releaseReceivedPacketId, receivedFrom);
  expect((await send("2")).duplicate).toBe(false);
  expect(mqtt.queued(to).map(({ message }) => textOf(message?.payload))).toEqual(["1", "2"]);
});
