import {
  declareTopic,
  integer,
  integerOrNull,
  type Reader,
  type Row,
  type Tx,
  textOrNull,
} from "../../store/sqlite/sql.ts";
import { REFILL_BYTES } from "../limits.ts";
import type { Message } from "../wire/message.ts";
import { type BodyColumns, bodyFrom } from "./message-rows.ts";
import { packFlags, unpackFlags } from "./queue-flags.ts";

/** Wakes the job that deletes the queues of ended sessions. */
export const QUEUES_TOPIC = declareTopic("queues");

/** A message that is to be sent to a session's client, or waits for its acknowledgement. */
type QueuedMessage = {
  /** 1, 2, 3, … within its session. */
  position: number;
  /** The QoS to send it with. */
  qos: 1 | 2;
  retain: boolean;
  /** Its PUBREC was received, so its PUBREL is to be sent. */
  released: boolean;
  subscriptionIdentifiers: number[];
  /** Null if released. */
  message: Message | null;
};

/** The end of a session's queue, for adding to it. */
export type QueueEnd = {
  hubNumber: number;
  hubBytes: number;
  nextPosition: number;
  /** Bytes of all messages ever added to the queue: it never decreases. */
  queuedBytes: number;
  /** Queued bytes that are not charged to the hub yet: fewer than CHARGE_BYTES. */
  unchargedBytes: number;
  /**
   * Upper bounds of the messages and bytes in the queue: they count from its oldest message on, including deleted ones
   * after it.
   */
  messages: number;
  bytes: number;
};

/** Undefined if the session is gone, has expired, or belongs to another hub. */
export function findQueueEnd(reader: Reader, hubId: string, sessionId: number): QueueEnd | undefined {
  const row = reader.get(
    `SELECT s.hub_number, u.bytes AS hub_bytes, e.next_position, e.queued_bytes, e.uncharged_bytes,
       (SELECT position FROM mqtt_queue WHERE session_id = s.id ORDER BY position LIMIT 1) AS oldest,
       (SELECT bytes_before FROM mqtt_queue WHERE session_id = s.id ORDER BY position LIMIT 1) AS bytes_before
     FROM mqtt_sessions AS s CROSS JOIN mqtt_queue_ends AS e ON e.session_id = s.id
       CROSS JOIN mqtt_usage AS u ON u.number = s.hub_number
     WHERE s.id = ? AND u.hub_id = ? AND (s.expires_at IS NULL OR s.expires_at > ?)`,
    sessionId,
    hubId,
    reader.now,
  );
  if (!row) return undefined;
  const nextPosition = integer(row, "next_position");
  const queuedBytes = integer(row, "queued_bytes");
  return {
    hubNumber: integer(row, "hub_number"),
    hubBytes: integer(row, "hub_bytes"),
    nextPosition,
    queuedBytes,
    unchargedBytes: integer(row, "uncharged_bytes"),
    messages: nextPosition - (integerOrNull(row, "oldest") ?? nextPosition),
    bytes: queuedBytes - (integerOrNull(row, "bytes_before") ?? queuedBytes),
  };
}

export function saveQueueEnd(tx: Tx, sessionId: number, end: Omit<QueueEnd, "messages" | "bytes">): void {
  tx.run(
    "UPDATE mqtt_queue_ends SET next_position = ?, queued_bytes = ?, uncharged_bytes = ? WHERE session_id = ?",
    end.nextPosition,
    end.queuedBytes,
    end.unchargedBytes,
    sessionId,
  );
}

type NewQueued = {
  sessionId: number;
  hubNumber: number;
  position: number;
  flags: number;
  /** The queue's `queuedBytes` when the message was added. */
  bytesBefore: number;
  chargedBytes: number;
  publishedAt: number;
  expiresAt: number | null;
  subscriptionIdentifiers: readonly number[];
  /** The message, or its id in mqtt_messages; null if released. */
  body: BodyColumns | number | null;
};

export function insertQueued(tx: Tx, queued: NewQueued): void {
  const body = typeof queued.body === "object" ? queued.body : null;
  tx.run(
    `INSERT INTO mqtt_queue (session_id, position, hub_number, flags, bytes_before, charged_bytes, message_id, published_at,
       expires_at, subscription_identifiers, topic, payload, properties)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    queued.sessionId,
    queued.position,
    queued.hubNumber,
    queued.flags,
    queued.bytesBefore,
    queued.chargedBytes,
    typeof queued.body === "number" ? queued.body : null,
    queued.publishedAt,
    queued.expiresAt,
    queued.subscriptionIdentifiers.length > 0 ? JSON.stringify(queued.subscriptionIdentifiers) : null,
    body?.topic ?? null,
    body?.payload ?? null,
    body?.properties ?? null,
  );
}

/** Stores a message for several queues; returns its id. */
export const insertMessage = (tx: Tx, hubNumber: number, body: BodyColumns): number =>
  tx.insert(
    "INSERT INTO mqtt_messages (hub_number, bytes, topic, payload, properties) VALUES (?, ?, ?, ?, ?)",
    hubNumber,
    body.bytes,
    body.topic,
    body.payload,
    body.properties,
  );

/**
 * Deletes the rows at positions `first` to `last`, both included, and returns their number. A trigger deletes a message
 * when no queue refers to it any more.
 */
export const deleteQueued = (tx: Tx, sessionId: number, first: number, last: number): number =>
  tx.run("DELETE FROM mqtt_queue WHERE session_id = ? AND position BETWEEN ? AND ?", sessionId, first, last);

/** Deletes the message's content and keeps its row and position. Does nothing if it is absent or already released. */
export function releaseQueued(tx: Tx, sessionId: number, position: number): void {
  const row = tx.get(
    "SELECT hub_number, flags, bytes_before, published_at FROM mqtt_queue WHERE session_id = ? AND position = ?",
    sessionId,
    position,
  );
  if (!row) return;
  const flags = unpackFlags(integer(row, "flags"));
  if (flags.released) return;
  // Deleted and inserted again, so that the triggers of deletion do all the accounting.
  deleteQueued(tx, sessionId, position, position);
  insertQueued(tx, {
    sessionId,
    position,
    hubNumber: integer(row, "hub_number"),
    bytesBefore: integer(row, "bytes_before"),
    flags: packFlags({ ...flags, released: true }),
    publishedAt: integer(row, "published_at"),
    chargedBytes: 0,
    expiresAt: null,
    subscriptionIdentifiers: [],
    body: null,
  });
}

/** The position of a session's oldest message. */
export function findOldest(reader: Reader, sessionId: number): number | null {
  const row = reader.get("SELECT min(position) AS oldest FROM mqtt_queue WHERE session_id = ?", sessionId);
  return row ? integerOrNull(row, "oldest") : null;
}

/**
 * A session's messages from a position on, in order: at most `limit` of them and about REFILL_BYTES, or one larger message.
 * Those that expired before they were ever sent are left out [MQTT-3.3.2-5]; those sent before are not, since their
 * exchange must be completed.
 */
export function listQueued(reader: Reader, sessionId: number, fromPosition: number, limit: number): QueuedMessage[] {
  return reader
    .all(
      `SELECT q.position, q.flags, q.published_at, q.expires_at, q.subscription_identifiers,
         coalesce(q.topic, m.topic) AS topic, coalesce(q.payload, m.payload) AS payload,
         coalesce(q.properties, m.properties) AS properties
       FROM mqtt_queue AS q LEFT JOIN mqtt_messages AS m ON m.id = q.message_id
       WHERE q.session_id = ?1 AND q.position >= ?2
         AND q.bytes_before <= ?3 + (SELECT bytes_before FROM mqtt_queue
           WHERE session_id = ?1 AND position >= ?2 ORDER BY position LIMIT 1)
         AND (q.expires_at IS NULL OR q.expires_at > ?4
           OR q.position <= (SELECT sent_through FROM mqtt_sessions WHERE id = ?1))
       ORDER BY q.position LIMIT ?5`,
      sessionId,
      fromPosition,
      REFILL_BYTES,
      reader.now,
      limit,
    )
    .map(queuedFrom);
}

/**
 * Returns messages that expired unsent in queues of disconnected sessions. In a connected session `listQueued` leaves
 * them out.
 */
export const listExpiredQueued = (reader: Reader, limit: number): { sessionId: number; position: number }[] =>
  reader
    .all(
      `SELECT q.session_id, q.position FROM mqtt_queue AS q CROSS JOIN mqtt_sessions AS s ON s.id = q.session_id
       WHERE q.expires_at <= ? AND s.connected = 0 AND q.position > s.sent_through LIMIT ?`,
      reader.now,
      limit,
    )
    .map((row) => ({ sessionId: integer(row, "session_id"), position: integer(row, "position") }));

/** Drops the oldest rows of a queue, and returns how many. */
export function deleteOldest(tx: Tx, sessionId: number, limit: number): number {
  const first = findOldest(tx, sessionId);
  return first === null ? 0 : deleteQueued(tx, sessionId, first, first + limit - 1);
}

function queuedFrom(row: Row): QueuedMessage {
  const flags = unpackFlags(integer(row, "flags"));
  const identifiers = textOrNull(row, "subscription_identifiers");
  return {
    position: integer(row, "position"),
    qos: flags.qos,
    retain: flags.retain,
    released: flags.released,
    subscriptionIdentifiers: identifiers === null ? [] : JSON.parse(identifiers),
    message: flags.released
      ? null
      : {
          ...bodyFrom(row),
          qos: flags.publishedQos,
          retain: flags.publishedRetain,
          publishedAt: integer(row, "published_at"),
          expiresAt: integerOrNull(row, "expires_at"),
        },
  };
}
