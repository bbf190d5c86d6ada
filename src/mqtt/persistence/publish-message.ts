import { command } from "../../store/sqlite/command.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import type { Message } from "../wire/message.ts";
import { type BodyColumns, bodyColumns } from "./message-rows.ts";
import { packFlags } from "./queue-flags.ts";
import { findQueueEnd, insertMessage, insertQueued, type QueueEnd, saveQueueEnd } from "./queue-rows.ts";
import { deleteRetained, findRetainedBytes, putRetained } from "./retained-rows.ts";
import { addReceivedPacketId } from "./session-rows.ts";
import {
  CHARGE_BYTES,
  HUB_BYTES_MAX,
  INLINE_BYTES_MAX,
  RETAINED_MESSAGES_MAX,
  ROW_OVERHEAD_BYTES,
  STORED_QUEUE_BYTES_MAX,
  STORED_QUEUE_MESSAGES_MAX,
} from "./store-limits.ts";
import { chargeHub, findHubUsage } from "./usage-rows.ts";
import { deleteWill } from "./will-rows.ts";

/** A stored session that receives a message, with the QoS and RETAIN flag to send it with. */
export type Recipient = { sessionId: number; qos: 1 | 2; retain: boolean; subscriptionIdentifiers: number[] };

type Input = {
  hubId: string;
  message: Message;
  recipients: Recipient[];
  /** Whether it becomes its topic's retained message; an empty one removes it [MQTT-3.3.1-6]. */
  retain: boolean;
  /** The stored session and the packet identifier of a received QoS 2 message. */
  receivedFrom: { sessionId: number; packetId: number } | null;
  /** The id of the will that the message comes from: it is published once, even if several callers find it due. */
  will?: number | null;
};

export type StoredPublish = {
  /** For each recipient; null if its session is gone, or its queue or its hub's budget is full. */
  positions: (number | null)[];
  /** The number of recipients without room. */
  dropped: number;
  /** The packet identifier is in use [MQTT-4.3.3-10], or the will was published before: nothing was done. */
  duplicate: boolean;
  /** The hub has no room for another retained message; the topic keeps the one it has. */
  retainedRefused?: true;
};

const DUPLICATE: StoredPublish = { positions: [], dropped: 0, duplicate: true };

/**
 * Stores a message in the queues of its recipients and as the retained one, in one transaction with the receipt or the
 * will that it came from.
 */
export const publishMessage = command("publish_message", (tx, _actor, input: Input): StoredPublish => {
  const { hubId, message, recipients, receivedFrom, will = null } = input;
  if (will !== null && !deleteWill(tx, will)) return DUPLICATE;
  // If the session has ended meanwhile, the message is taken all the same: no client is left to send it again.
  if (receivedFrom && addReceivedPacketId(tx, receivedFrom.sessionId, receivedFrom.packetId) === "known")
    return DUPLICATE;

  const body = bodyColumns(message);
  const published: StoredPublish = { positions: [], dropped: 0, duplicate: false };
  let shared: number | null = null;
  for (const recipient of recipients) {
    const end = findQueueEnd(tx, hubId, recipient.sessionId);
    const fits = end && hasRoom(end, shared === null ? body.bytes : ROW_OVERHEAD_BYTES, body.bytes);
    if (end && fits && shared === null && body.bytes > INLINE_BYTES_MAX) {
      shared = insertMessage(tx, end.hubNumber, body);
      chargeHub(tx, end.hubNumber, body.bytes);
    }
    published.positions.push(end && fits ? enqueue(tx, end, recipient, message, { body, shared }) : null);
    if (end && !fits) published.dropped++;
  }
  if (input.retain && !retain(tx, hubId, message, body)) published.retainedRefused = true;
  return published;
});

const hasRoom = (end: QueueEnd, hubBytes: number, sessionBytes: number): boolean =>
  end.messages < STORED_QUEUE_MESSAGES_MAX &&
  end.bytes + sessionBytes <= STORED_QUEUE_BYTES_MAX &&
  end.hubBytes + hubBytes <= HUB_BYTES_MAX;

type Kept = { body: BodyColumns; shared: number | null };

/** Appends the message to a recipient's queue and returns its position. */
function enqueue(tx: Tx, end: QueueEnd, recipient: Recipient, message: Message, { body, shared }: Kept): number {
  const { sessionId, qos, retain, subscriptionIdentifiers } = recipient;
  const owed = end.unchargedBytes + (shared === null ? body.bytes : ROW_OVERHEAD_BYTES);
  const chargedBytes = owed >= CHARGE_BYTES ? owed : 0;
  if (chargedBytes > 0) chargeHub(tx, end.hubNumber, chargedBytes);
  insertQueued(tx, {
    sessionId,
    hubNumber: end.hubNumber,
    position: end.nextPosition,
    flags: packFlags({ qos, retain, released: false, publishedQos: message.qos, publishedRetain: message.retain }),
    bytesBefore: end.queuedBytes,
    chargedBytes,
    publishedAt: message.publishedAt,
    expiresAt: message.expiresAt,
    subscriptionIdentifiers,
    body: shared ?? body,
  });
  saveQueueEnd(tx, sessionId, {
    ...end,
    nextPosition: end.nextPosition + 1,
    queuedBytes: end.queuedBytes + body.bytes,
    unchargedBytes: owed - chargedBytes,
  });
  return end.nextPosition;
}

/** Returns false if there is no room. A deleted hub retains nothing. */
function retain(tx: Tx, hubId: string, message: Message, body: BodyColumns): boolean {
  const hub = findHubUsage(tx, hubId);
  if (!hub) return true;
  if (message.payload.length === 0) {
    deleteRetained(tx, hub.number, message.topic);
    return true;
  }
  const before = findRetainedBytes(tx, hub.number, message.topic);
  if (before === undefined && hub.retained >= RETAINED_MESSAGES_MAX) return false;
  if (hub.bytes + body.bytes - (before ?? 0) > HUB_BYTES_MAX) return false;
  putRetained(tx, hub.number, message, body);
  return true;
}
