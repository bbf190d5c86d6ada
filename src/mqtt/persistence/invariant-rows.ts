import type { Invariant } from "../../store/sqlite/invariant.ts";
import { NEVER_EXPIRES_S } from "./session-rows.ts";
import { CHARGE_BYTES, ROW_OVERHEAD_BYTES } from "./store-limits.ts";

/** Bytes in each table that count against a hub's budget, by the hub's number. */
const CHARGED = `SELECT hub_number, sum(bytes) AS stored FROM (
    SELECT hub_number, charged_bytes AS bytes FROM mqtt_queue UNION ALL SELECT hub_number, bytes FROM mqtt_messages
    UNION ALL SELECT hub_number, bytes FROM mqtt_retained UNION ALL SELECT hub_number, bytes FROM mqtt_wills
  ) GROUP BY hub_number`;

/** Hubs, and the counters of what they store. */
const USAGE_INVARIANTS: readonly Invariant[] = [
  {
    broken: "mqtt_usage: hub {id} has no number, so no client can connect to it",
    sql: "SELECT id FROM hubs WHERE id NOT IN (SELECT hub_id FROM mqtt_usage WHERE ended = 0)",
  },
  {
    broken: "mqtt_usage: hub {hub_id} does not exist, and what it retains will never be dropped",
    sql: "SELECT hub_id FROM mqtt_usage WHERE ended = 0 AND hub_id NOT IN (SELECT id FROM hubs)",
  },
  {
    broken: "mqtt_usage: hub {hub_id} is charged for {bytes} bytes, and stores {stored}",
    sql: `SELECT hub_id, bytes, coalesce(stored, 0) AS stored FROM mqtt_usage LEFT JOIN (${CHARGED}) ON hub_number = number
          WHERE bytes <> coalesce(stored, 0)`,
  },
  {
    broken: "mqtt_usage: hub {hub_id} counts {retained_count} retained messages, and has {present}",
    sql: `SELECT u.hub_id, u.retained_count, count(r.id) AS present FROM mqtt_usage u
          LEFT JOIN mqtt_retained r ON r.hub_number = u.number GROUP BY u.number HAVING present <> u.retained_count`,
  },
];

/** The number of the hub that a device is in. */
const HUB_OF = "(SELECT u.number FROM devices d JOIN mqtt_usage u ON u.hub_id = d.hub_id WHERE d.id = device_id)";

const SESSION_INVARIANTS: readonly Invariant[] = [
  {
    broken: "mqtt_sessions: {id} has no end of its queue, so its client never resumes it",
    sql: "SELECT id FROM mqtt_sessions WHERE id NOT IN (SELECT session_id FROM mqtt_queue_ends)",
  },
  {
    broken: "mqtt_sessions: {id} is in another hub than its device {device_id}",
    sql: `SELECT id, device_id FROM mqtt_sessions WHERE hub_number IS NOT ${HUB_OF}`,
  },
  {
    broken: "mqtt_sessions: {id} has an expiry that its expiry interval does not give",
    sql: `SELECT id FROM mqtt_sessions WHERE connected = 0 AND (
            expiry_interval_s = 0 OR (expires_at IS NULL) <> (expiry_interval_s = ${NEVER_EXPIRES_S}))`,
  },
  {
    broken: "mqtt_sessions: {id} was sent message {sent_through}, and the next position is {next_position}",
    sql: `SELECT s.id, s.sent_through, e.next_position FROM mqtt_sessions s JOIN mqtt_queue_ends e ON e.session_id = s.id
          WHERE s.sent_through >= e.next_position`,
  },
  {
    broken: "mqtt_ended_sessions: {session_id} exists, but its queue is marked to be dropped",
    sql: "SELECT session_id FROM mqtt_ended_sessions WHERE session_id IN (SELECT id FROM mqtt_sessions)",
  },
];

const QUEUE_INVARIANTS: readonly Invariant[] = [
  {
    broken: "mqtt_queue: {count} messages are for session {session_id}, which does not exist, and no job drops them",
    sql: `SELECT session_id, count(*) AS count FROM mqtt_queue
          WHERE session_id NOT IN (SELECT id FROM mqtt_sessions)
            AND session_id NOT IN (SELECT session_id FROM mqtt_ended_sessions) GROUP BY session_id`,
  },
  {
    broken: "mqtt_queue: message {position} of session {session_id} is charged to another hub than the session's",
    sql: `SELECT q.position, q.session_id FROM mqtt_queue q JOIN mqtt_sessions s ON s.id = q.session_id
          WHERE q.hub_number <> s.hub_number`,
  },
  {
    broken: "mqtt_queue: session {session_id} has message {newest}, and the next position is {next_position}",
    sql: `SELECT q.session_id, max(q.position) AS newest, e.next_position FROM mqtt_queue q
          JOIN mqtt_queue_ends e ON e.session_id = q.session_id GROUP BY q.session_id HAVING newest >= e.next_position`,
  },
  {
    // A packet identifier is a position modulo 65535 (outgoing.ts).
    broken: "mqtt_queue: {count} messages of session {session_id} have packet identifier {packet_id}",
    sql: `SELECT session_id, (position - 1) % 65535 + 1 AS packet_id, count(*) AS count FROM mqtt_queue
          GROUP BY session_id, packet_id HAVING count > 1`,
  },
  {
    broken:
      "mqtt_queue: message {position} of session {session_id} has {bytes_before} bytes before it, and {next} after",
    sql: `SELECT * FROM (
            SELECT q.position, q.session_id, q.bytes_before,
              lead(q.bytes_before, 1, e.queued_bytes) OVER (PARTITION BY q.session_id ORDER BY q.position) AS next
            FROM mqtt_queue q LEFT JOIN mqtt_queue_ends e ON e.session_id = q.session_id
          ) WHERE next < bytes_before + ${ROW_OVERHEAD_BYTES}`,
  },
  {
    broken: "mqtt_queue_ends: session {session_id} owes its hub {uncharged_bytes} bytes",
    sql: `SELECT session_id, uncharged_bytes FROM mqtt_queue_ends
          WHERE uncharged_bytes NOT BETWEEN 0 AND ${CHARGE_BYTES - 1}`,
  },
  {
    // A released row has nothing of its message left; any other has all of it, in the row or in mqtt_messages
    // (queue-flags.ts).
    broken: "mqtt_queue: message {position} of session {session_id} is neither whole nor released",
    sql: `SELECT position, session_id FROM mqtt_queue WHERE flags & 3 NOT IN (1, 2) OR NOT CASE
            WHEN flags & 8 THEN coalesce(message_id, topic, payload, properties) IS NULL
            WHEN message_id IS NULL THEN topic IS NOT NULL AND payload IS NOT NULL
            ELSE coalesce(topic, payload, properties) IS NULL END`,
  },
  {
    broken: "mqtt_queue: message {position} of session {session_id} is stored as {message_id}, which does not exist",
    sql: `SELECT position, session_id, message_id FROM mqtt_queue
          WHERE message_id IS NOT NULL AND message_id NOT IN (SELECT id FROM mqtt_messages)`,
  },
  {
    broken: "mqtt_messages: {id} is in no queue",
    sql: "SELECT id FROM mqtt_messages WHERE id NOT IN (SELECT message_id FROM mqtt_queue WHERE message_id IS NOT NULL)",
  },
  {
    broken: "mqtt_messages: {id} is charged to another hub than its place in the queue of session {session_id}",
    sql: `SELECT m.id, q.session_id FROM mqtt_messages m JOIN mqtt_queue q ON q.message_id = m.id
          WHERE q.hub_number <> m.hub_number`,
  },
  {
    broken: "mqtt_queue: the subscription identifiers of message {position} of session {session_id} are not a list",
    sql: `SELECT position, session_id FROM mqtt_queue WHERE subscription_identifiers IS NOT NULL
            AND CASE WHEN json_valid(subscription_identifiers) THEN json_type(subscription_identifiers) ELSE '' END <> 'array'`,
  },
];

const WILL_INVARIANTS: readonly Invariant[] = [
  {
    broken: "mqtt_wills: {id} waits for the connection of session {session_id} to end, and there is none",
    sql: `SELECT id, session_id FROM mqtt_wills
          WHERE due_at IS NULL AND session_id NOT IN (SELECT id FROM mqtt_sessions WHERE connected = 1)`,
  },
  {
    broken: "mqtt_wills: {count} wait for the connection of session {session_id} to end",
    sql: `SELECT session_id, count(*) AS count FROM mqtt_wills WHERE due_at IS NULL GROUP BY session_id HAVING count > 1`,
  },
  {
    broken: "mqtt_wills: {id} is of another device than its session {session_id}",
    sql: `SELECT w.id, w.session_id FROM mqtt_wills w JOIN mqtt_sessions s ON s.id = w.session_id
          WHERE s.device_id <> w.device_id`,
  },
  {
    broken: "mqtt_wills: {id} is in another hub than its device {device_id}",
    sql: `SELECT id, device_id FROM mqtt_wills WHERE hub_number IS NOT ${HUB_OF}`,
  },
  {
    broken: "mqtt_wills: {id} is due after its session {session_id} has ended [MQTT-3.1.2-8]",
    sql: `SELECT w.id, w.session_id FROM mqtt_wills w JOIN mqtt_sessions s ON s.id = w.session_id
          WHERE w.due_at > s.expires_at`,
  },
];

/** Every row that holds a message's content (topic, payload, properties); `place` names the row in the error text. */
const BODIES = `SELECT 'mqtt_retained: ' || id AS place, topic, payload, properties, bytes FROM mqtt_retained
  UNION ALL SELECT 'mqtt_messages: ' || id, topic, payload, properties, bytes FROM mqtt_messages
  UNION ALL SELECT 'mqtt_wills: ' || id, topic, payload, properties, bytes FROM mqtt_wills`;

const BODY_INVARIANTS: readonly Invariant[] = [
  {
    // Texts are counted in UTF-16 code units (message-rows.ts): at least length(), the characters, and at most
    // octet_length(), the UTF-8 bytes.
    broken: "{place} is charged for {bytes} bytes, and has {size}",
    sql: `SELECT place, bytes, size FROM (
            SELECT place, bytes, ${ROW_OVERHEAD_BYTES} + length(topic) + length(payload) + length(coalesce(properties, '')) AS size,
              ${ROW_OVERHEAD_BYTES} + octet_length(topic) + length(payload) + octet_length(coalesce(properties, '')) AS size_max FROM (${BODIES})
          ) WHERE bytes NOT BETWEEN size AND size_max`,
  },
  {
    broken: "{place} has properties that are not a JSON object",
    sql: `SELECT place FROM (${BODIES} UNION ALL SELECT 'mqtt_queue: ' || session_id || '/' || position, topic, payload, properties, 0 FROM mqtt_queue)
          WHERE properties IS NOT NULL AND CASE WHEN json_valid(properties) THEN json_type(properties) ELSE '' END <> 'object'`,
  },
  {
    broken: "mqtt_retained: {id} is empty, which removes a retained message [MQTT-3.3.1-6]",
    sql: "SELECT id FROM mqtt_retained WHERE length(payload) = 0",
  },
];

/**
 * Invariants that commands keep beyond the schema: most of them, since sessions, queues and messages refer to each
 * other without foreign keys.
 */
export const MQTT_INVARIANTS: readonly Invariant[] = [
  ...USAGE_INVARIANTS,
  ...SESSION_INVARIANTS,
  ...QUEUE_INVARIANTS,
  ...WILL_INVARIANTS,
  ...BODY_INVARIANTS,
];
