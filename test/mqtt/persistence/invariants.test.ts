import { test } from "bun:test";
import { releaseOutgoing } from "../../../src/mqtt/persistence/acknowledge.ts";
import { MQTT_INVARIANTS } from "../../../src/mqtt/persistence/invariant-rows.ts";
import { saveSubscriptions } from "../../../src/mqtt/persistence/save-subscriptions.ts";
import { aWill, openMqttStore, subscription } from "../../support/mqtt/mqtt-store.ts";
import { type Breakage, expectEachNamed } from "../../support/store/breakages.ts";

// What `twinpost check` reports about devices' sessions and messages. The numbers are those of the rows that the test
// below makes.

const BREAKAGES: readonly Breakage[] = [
  ["hub", "UPDATE mqtt_usage SET ended = 1", /^mqtt_usage: hub \S+ has no number/],
  ["no hub", "INSERT INTO mqtt_usage (hub_id) VALUES ('x')", /^mqtt_usage: hub x does not exist, and what it retains/],
  [
    "bytes",
    "UPDATE mqtt_usage SET bytes = bytes + 1",
    /^mqtt_usage: hub \S+ is charged for \d+ bytes, and stores \d+$/,
  ],
  [
    "bytes of a queue",
    "UPDATE mqtt_queue SET charged_bytes = charged_bytes + 1 WHERE session_id = 1",
    /^mqtt_usage: hub \S+ is charged for \d+ bytes, and stores \d+$/,
  ],
  [
    "retained messages",
    "UPDATE mqtt_usage SET retained_count = 7",
    /^mqtt_usage: hub \S+ counts 7 retained messages, and has 2$/,
  ],
  ["end of a queue", "DELETE FROM mqtt_queue_ends WHERE session_id = 1", /^mqtt_sessions: 1 has no end of its queue/],
  [
    "hub of a session",
    "UPDATE mqtt_sessions SET hub_number = 2 WHERE id = 1",
    /^mqtt_sessions: 1 is in another hub than its device \S+$/,
  ],
  [
    "forever",
    "UPDATE mqtt_sessions SET expires_at = NULL WHERE id = 2",
    /^mqtt_sessions: 2 has an expiry that its expiry interval does not give$/,
  ],
  [
    "not forever",
    "UPDATE mqtt_sessions SET expiry_interval_s = 4294967295 WHERE id = 2",
    /^mqtt_sessions: 2 has an expiry that its expiry interval does not give$/,
  ],
  [
    "for nothing",
    "UPDATE mqtt_sessions SET expiry_interval_s = 0 WHERE id = 2",
    /^mqtt_sessions: 2 has an expiry that its expiry interval does not give$/,
  ],
  [
    "sent",
    "UPDATE mqtt_sessions SET sent_through = 4 WHERE id = 1",
    /^mqtt_sessions: 1 was sent message 4, and the next position is 4$/,
  ],
  [
    "ended and there",
    "INSERT INTO mqtt_ended_sessions VALUES (1)",
    /^mqtt_ended_sessions: 1 exists, but its queue is marked to be dropped$/,
  ],
  [
    "queue without a session",
    "DELETE FROM mqtt_ended_sessions",
    /^mqtt_queue: 2 messages are for session 3, which does not exist, and no job drops them$/,
  ],
  [
    "hub of a queue",
    "UPDATE mqtt_queue SET hub_number = 2 WHERE session_id = 1 AND position = 1",
    /^mqtt_queue: message 1 of session 1 is charged to another hub than the session's$/,
  ],
  [
    "position",
    "UPDATE mqtt_queue_ends SET next_position = 3 WHERE session_id = 1",
    /^mqtt_queue: session 1 has message 3, and the next position is 3$/,
  ],
  [
    "packet identifiers",
    "UPDATE mqtt_queue SET position = 65536 WHERE session_id = 1 AND position = 3",
    /^mqtt_queue: 2 messages of session 1 have packet identifier 1$/,
  ],
  [
    "bytes before",
    "UPDATE mqtt_queue SET bytes_before = 0 WHERE session_id = 1",
    /^mqtt_queue: message 1 of session 1 has 0 bytes before it, and 0 after$/,
  ],
  [
    "bytes in all",
    "UPDATE mqtt_queue_ends SET queued_bytes = 5 WHERE session_id = 1",
    /^mqtt_queue: message 3 of session 1 has \d+ bytes before it, and 5 after$/,
  ],
  [
    "owed",
    "UPDATE mqtt_queue_ends SET uncharged_bytes = 4096 WHERE session_id = 1",
    /^mqtt_queue_ends: session 1 owes its hub 4096 bytes$/,
  ],
  [
    "owed to it",
    "UPDATE mqtt_queue_ends SET uncharged_bytes = -1",
    /^mqtt_queue_ends: session 1 owes its hub -1 bytes$/,
  ],
  [
    "no payload",
    "UPDATE mqtt_queue SET payload = NULL WHERE session_id = 1 AND position = 1",
    /^mqtt_queue: message 1 of session 1 is neither whole nor released$/,
  ],
  [
    "twice a payload",
    "UPDATE mqtt_queue SET payload = x'00' WHERE session_id = 1 AND position = 2",
    /^mqtt_queue: message 2 of session 1 is neither whole nor released$/,
  ],
  [
    "a payload of what is released",
    "UPDATE mqtt_queue SET topic = 'a', payload = x'00' WHERE session_id = 1 AND position = 3",
    /^mqtt_queue: message 3 of session 1 is neither whole nor released$/,
  ],
  [
    "QoS 0",
    "UPDATE mqtt_queue SET flags = flags & ~3 WHERE session_id = 1 AND position = 1",
    /^mqtt_queue: message 1 of session 1 is neither whole nor released$/,
  ],
  [
    "message of a queue",
    "DELETE FROM mqtt_messages",
    /^mqtt_queue: message 2 of session 1 is stored as 1, which does not exist$/,
  ],
  [
    "message of no queue",
    "INSERT INTO mqtt_messages SELECT 9, hub_number, bytes, topic, payload, properties FROM mqtt_messages",
    /^mqtt_messages: 9 is in no queue$/,
  ],
  [
    "hub of a message",
    "UPDATE mqtt_messages SET hub_number = 2",
    /^mqtt_messages: 1 is charged to another hub than its place in the queue of session 1$/,
  ],
  [
    "subscription identifiers",
    "UPDATE mqtt_queue SET subscription_identifiers = '7' WHERE session_id = 1 AND position = 1",
    /^mqtt_queue: the subscription identifiers of message 1 of session 1 are not a list$/,
  ],
  [
    "will of no session",
    "UPDATE mqtt_wills SET session_id = 99 WHERE session_id = 1",
    /^mqtt_wills: 1 waits for the connection of session 99 to end, and there is none$/,
  ],
  [
    "will of no connection",
    "UPDATE mqtt_wills SET due_at = NULL WHERE session_id = 2",
    /^mqtt_wills: 2 waits for the connection of session 2 to end, and there is none$/,
  ],
  [
    "two wills",
    "UPDATE mqtt_wills SET due_at = NULL, session_id = 1",
    /^mqtt_wills: 2 wait for the connection of session 1 to end$/,
  ],
  [
    "another's will",
    "UPDATE mqtt_wills SET device_id = (SELECT id FROM devices WHERE name = 'other')",
    /^mqtt_wills: 1 is of another device than its session 1$/,
  ],
  [
    "hub of a will",
    "UPDATE mqtt_wills SET hub_number = 2 WHERE id = 1",
    /^mqtt_wills: 1 is in another hub than its device \S+$/,
  ],
  [
    "late will",
    "UPDATE mqtt_wills SET due_at = due_at * 2 WHERE id = 2",
    /^mqtt_wills: 2 is due after its session 2 has ended \[MQTT-3\.1\.2-8\]$/,
  ],
  [
    "size",
    "UPDATE mqtt_retained SET payload = zeroblob(50) WHERE topic = 'a'",
    /^mqtt_retained: 1 is charged for \d+ bytes, and has \d+$/,
  ],
  ["size of a will", "UPDATE mqtt_wills SET topic = 'x'", /^mqtt_wills: 1 is charged for 107 bytes, and has 104$/],
  ["size of a message", "UPDATE mqtt_messages SET bytes = bytes + 9", /^mqtt_messages: 1 is charged for \d+ bytes/],
  [
    "properties",
    "UPDATE mqtt_retained SET properties = '[]'",
    /^mqtt_retained: 1 has properties that are not a JSON object$/,
  ],
  [
    "properties in a queue",
    "UPDATE mqtt_queue SET properties = '{' WHERE session_id = 1 AND position = 1",
    /^mqtt_queue: 1\/1 has properties that are not a JSON object$/,
  ],
  [
    "nothing retained",
    "UPDATE mqtt_retained SET payload = x'' WHERE topic = 'a'",
    /^mqtt_retained: 1 is empty, which removes a retained message \[MQTT-3\.3\.1-6\]$/,
  ],
  // Covered by foreign keys.
  [
    "subscription without a session",
    "UPDATE mqtt_subscriptions SET session_id = 99",
    /^mqtt_subscriptions: rows that name no row of mqtt_sessions: 1$/,
  ],
  [
    "received packet identifier without a session",
    "UPDATE mqtt_received SET session_id = 99",
    /^mqtt_received: rows that name no row of mqtt_sessions: 1$/,
  ],
  [
    "retained by no hub",
    "UPDATE mqtt_retained SET hub_number = 99",
    /^mqtt_retained: rows that name no row of mqtt_usage: 2$/,
  ],
  [
    "session without a device",
    "DELETE FROM devices WHERE name = 'panel'",
    /^mqtt_sessions: rows that name no row of devices: \d$/,
  ],
];

test("each broken invariant of sessions and messages is named", async () => {
  await using mqtt = await openMqttStore();
  await mqtt.createDevice("other");
  await mqtt.call("POST", "/hubs", { name: "second", product_plan: "plan_dedicated" });
  const large = "x".repeat(2000);

  // Session 1 is connected: a small message, a large one shared with session 2, and a released one.
  const one = await mqtt.openKept({ clientId: "1", will: aWill() });
  const two = await mqtt.openKept({ clientId: "2", will: aWill({ delayS: 60 }) });
  await mqtt.run(saveSubscriptions, { sessionId: one, subscriptions: [subscription("a", { qos: 2 })] });
  await mqtt.publish(mqtt.message("a", "small"), [mqtt.to(one, { subscriptionIdentifiers: [7] })], {
    receivedFrom: { sessionId: one, packetId: 5 },
  });
  const properties = { contentType: "text/plain", userProperties: [["\u{1f600}", "ü"]] as [string, string][] };
  await mqtt.publish(mqtt.message("a", large, { properties }), [mqtt.to(one), mqtt.to(two)]);
  await mqtt.publish(mqtt.message("a", large, { qos: 2 }), [mqtt.to(one, { qos: 2 })]);
  await mqtt.run(releaseOutgoing, { sessionId: one, position: 3 });
  // Session 2 is disconnected, with a delayed will; session 3 has ended, and its queue is still there.
  await mqtt.suspend(two, { sentThrough: 0 });
  const three = await mqtt.openKept({ clientId: "3" });
  for (const text of ["1", "2"]) await mqtt.publish(mqtt.message("a", text), [mqtt.to(three)]);
  await mqtt.suspend(three, { expiryIntervalS: 0 });

  await mqtt.publish(mqtt.message("a", "kept", { properties }), [], { retain: true });
  await mqtt.publish(mqtt.message("b/\u{1f600}", "kept"), [], { retain: true });

  expectEachNamed(mqtt.world.dataDir, MQTT_INVARIANTS, BREAKAGES);
});
