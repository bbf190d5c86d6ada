import { assert } from "../../kernel/assert.ts";
import { integer, integerOrNull, type Reader, type Row, type Tx, text } from "../../store/sqlite/sql.ts";
import type { Message } from "../wire/message.ts";
import type { QoS } from "../wire/packets.ts";
import { matches } from "../wire/topics.ts";
import { type BodyColumns, bodyColumns, bodyFrom } from "./message-rows.ts";

/** The bytes of a topic's retained message in the hub's budget; undefined if there is none. */
export function findRetainedBytes(reader: Reader, hubNumber: number, topic: string): number | undefined {
  const row = reader.get("SELECT bytes FROM mqtt_retained WHERE hub_number = ? AND topic = ?", hubNumber, topic);
  return row && integer(row, "bytes");
}

/** Stores a topic's retained message, replacing the one it has [MQTT-3.3.1-5]. */
export function putRetained(tx: Tx, hubNumber: number, message: Message, body: BodyColumns = bodyColumns(message)) {
  tx.run(
    `INSERT INTO mqtt_retained (hub_number, topic, payload, qos, properties, published_at, expires_at, bytes)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (hub_number, topic) DO UPDATE SET payload = excluded.payload, qos = excluded.qos,
       properties = excluded.properties, published_at = excluded.published_at, expires_at = excluded.expires_at,
       bytes = excluded.bytes`,
    hubNumber,
    body.topic,
    body.payload,
    message.qos,
    body.properties,
    message.publishedAt,
    message.expiresAt,
    body.bytes,
  );
}

export function deleteRetained(tx: Tx, hubNumber: number, topic: string): void {
  tx.run("DELETE FROM mqtt_retained WHERE hub_number = ? AND topic = ?", hubNumber, topic);
}

type RetainedPage = {
  messages: Message[];
  /** Bytes in the budget. */
  bytes: number;
  /** Pass it as `after` to get the rest; null if there is none. */
  next: string | null;
};

/** Topics examined per page: a millisecond or two. */
const TOPICS_LOOKED_AT = 250;

type Range = {
  /** The topic that the previous page ended with. */
  after?: string | null;
  limitBytes: number;
};

/**
 * A page of a hub's unexpired retained messages that match a filter (without `$share/name/`), by topic. A page examines
 * a limited number of topics and has at most `limitBytes`, or a single larger message.
 */
export function pageRetained(
  reader: Reader,
  hubId: string,
  filter: string,
  { after = null, limitBytes }: Range,
): RetainedPage {
  const topics = /[+#]/.test(filter) ? topicsUnder(reader, hubId, filter, after) : topicsAt(reader, hubId, filter);
  const messages: Message[] = [];
  let bytes = 0;
  let last = after;
  for (const { id, topic, size } of topics) {
    if (matches(filter, topic)) {
      if (bytes > 0 && bytes + size > limitBytes) return { messages, bytes, next: last };
      bytes += size;
      messages.push(getRetained(reader, id));
    }
    last = topic;
  }
  return { messages, bytes, next: topics.length < TOPICS_LOOKED_AT ? null : last };
}

/**
 * Returns the messages of all pages in one list: at most `limitBytes`, and one message more. If there can be very many,
 * use `pageRetained`, which lets other work run between pages.
 */
export function listRetained(reader: Reader, hubId: string, filter: string, limitBytes: number): Message[] {
  const messages: Message[] = [];
  let left = limitBytes;
  let after: string | null = null;
  do {
    const page: RetainedPage = pageRetained(reader, hubId, filter, { after, limitBytes: left });
    messages.push(...page.messages);
    left -= page.bytes;
    after = page.next;
  } while (after !== null && left > 0);
  return messages;
}

/** Drops expired retained messages [MQTT-3.3.2-5]; returns how many. */
export const deleteExpiredRetained = (tx: Tx, limit: number): number =>
  tx.run(
    "DELETE FROM mqtt_retained WHERE id IN (SELECT id FROM mqtt_retained WHERE expires_at <= ? LIMIT ?)",
    tx.now,
    limit,
  );

/** Drops retained messages of a hub; returns how many. */
export const deleteSomeRetained = (tx: Tx, hubNumber: number, limit: number): number =>
  tx.run(
    "DELETE FROM mqtt_retained WHERE id IN (SELECT id FROM mqtt_retained WHERE hub_number = ? LIMIT ?)",
    hubNumber,
    limit,
  );

type RetainedTopic = { id: number; topic: string; size: number };

const TOPIC = `r.id, r.topic, r.bytes FROM mqtt_usage AS u CROSS JOIN mqtt_retained AS r ON r.hub_number = u.number
  WHERE u.hub_id = ? AND (r.expires_at IS NULL OR r.expires_at > ?)`;

/** The topic that a filter without wildcards names. */
const topicsAt = (reader: Reader, hubId: string, topic: string): RetainedTopic[] =>
  reader.all(`SELECT ${TOPIC} AND r.topic = ?`, hubId, reader.now, topic).map(topicFrom);

/** Matching topics begin with the levels before the first wildcard, so the index of topics finds them. */
function topicsUnder(reader: Reader, hubId: string, filter: string, after: string | null): RetainedTopic[] {
  const prefix = filter.slice(0, filter.search(/[+#]/));
  const parent = prefix.slice(0, -1);
  // `a/#` matches `a` too (4.7.1.2). In the index other topics stand between `a` and `a/`.
  const first = after === null && filter === `${prefix}#` ? topicsAt(reader, hubId, parent) : [];
  const under = reader.all(
    `SELECT ${TOPIC} AND r.topic >= ? AND r.topic <> ? AND r.topic < ? ORDER BY r.topic LIMIT ?`,
    hubId,
    reader.now,
    after === null || after === parent ? prefix : after,
    // The previous page ended with this topic; a topic is never empty.
    after ?? "",
    prefix === "" ? AFTER_ALL : `${parent}${AFTER_SLASH}`,
    TOPICS_LOOKED_AT,
  );
  return [...first, ...under.map(topicFrom)];
}

/** The character after `/`, and a blob, which sorts after all texts. */
const AFTER_SLASH = "0";
const AFTER_ALL = new Uint8Array(0);

const topicFrom = (row: Row): RetainedTopic => ({
  id: integer(row, "id"),
  topic: text(row, "topic"),
  size: integer(row, "bytes"),
});

function getRetained(reader: Reader, id: number): Message {
  const row = reader.get(
    "SELECT topic, payload, qos, properties, published_at, expires_at FROM mqtt_retained WHERE id = ?",
    id,
  );
  assert(row, "a topic was found with its message");
  return messageFrom(row);
}

const messageFrom = (row: Row): Message => ({
  ...bodyFrom(row),
  qos: integer(row, "qos") as QoS,
  retain: true,
  publishedAt: integer(row, "published_at"),
  expiresAt: integerOrNull(row, "expires_at"),
});
