import {
  boolean,
  declareTopic,
  integer,
  integerOrNull,
  type Reader,
  type Row,
  type Tx,
  text,
} from "../../store/sqlite/sql.ts";
import type { QoS } from "../wire/packets.ts";
import { bodyColumns, bodyFrom } from "./message-rows.ts";
import type { StoredWill, WillDue } from "./will.ts";

/** Wakes the job that publishes due wills: a will may have got a due time. */
export const WILLS_TOPIC = declareTopic("wills");

type NewWill = { sessionId: number; deviceId: string; hubNumber: number; will: StoredWill };

export function insertWill(tx: Tx, { sessionId, deviceId, hubNumber, will }: NewWill): void {
  const body = bodyColumns(will);
  tx.run(
    `INSERT INTO mqtt_wills (session_id, device_id, hub_number, topic, payload, qos, retain, properties, delay_s,
       message_expiry_s, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    sessionId,
    deviceId,
    hubNumber,
    body.topic,
    body.payload,
    will.qos,
    Number(will.retain),
    body.properties,
    will.delayS,
    will.messageExpiryS,
    body.bytes,
  );
}

/** Returns whether it existed. */
export const deleteWill = (tx: Tx, id: number): boolean => tx.run("DELETE FROM mqtt_wills WHERE id = ?", id) > 0;

/** Deletes a session's will, except one that is due: that is published even if the client reconnects. */
export function deleteWaitingWills(tx: Tx, sessionId: number): void {
  tx.run("DELETE FROM mqtt_wills WHERE session_id = ? AND (due_at IS NULL OR due_at > ?)", sessionId, tx.now);
}

/**
 * Sets a will's due time when its connection has ended: after its delay, or when the session ends (null: never), whichever comes
 * first [MQTT-3.1.2-8]. Returns whether there was one.
 */
export const armWill = (tx: Tx, sessionId: number, sessionEndsAt: number | null): boolean =>
  tx.run(
    `UPDATE mqtt_wills SET due_at = CASE WHEN ?1 + delay_s * 1000 > ?2 THEN ?2 ELSE ?1 + delay_s * 1000 END
     WHERE session_id = ?3 AND due_at IS NULL`,
    tx.now,
    sessionEndsAt,
    sessionId,
  ) > 0;

/** Makes a session's will due now, because the session has ended. */
export function makeWillDue(tx: Tx, sessionId: number): void {
  tx.run(
    "UPDATE mqtt_wills SET due_at = ?1 WHERE session_id = ?2 AND (due_at IS NULL OR due_at > ?1)",
    tx.now,
    sessionId,
  );
}

const WILL = `w.id, u.hub_id, w.device_id, w.topic, w.payload, w.qos, w.retain, w.properties, w.message_expiry_s
  FROM mqtt_wills AS w JOIN mqtt_usage AS u ON u.number = w.hub_number`;

/** A session's wills that are due. */
export const listDueWillsOf = (reader: Reader, sessionId: number): WillDue[] =>
  reader
    .all(`SELECT ${WILL} WHERE w.session_id = ? AND w.due_at <= ? ORDER BY w.id`, sessionId, reader.now)
    .map((row) => willFrom(row, reader.now));

/** Returns at most `limit` due wills, longest due first. */
export const listDueWills = (reader: Reader, limit: number): WillDue[] =>
  reader
    .all(`SELECT ${WILL} WHERE w.due_at <= ? ORDER BY w.due_at, w.id LIMIT ?`, reader.now, limit)
    .map((row) => willFrom(row, reader.now));

export const hasWill = (reader: Reader, id: number): boolean =>
  reader.get("SELECT 1 FROM mqtt_wills WHERE id = ?", id) !== undefined;

/** When the next will is due; null if none waits. */
export function nextWill(reader: Reader): number | null {
  const row = reader.get("SELECT min(due_at) AS next FROM mqtt_wills WHERE due_at IS NOT NULL");
  return row ? integerOrNull(row, "next") : null;
}

function willFrom(row: Row, now: number): WillDue {
  const expiryS = integerOrNull(row, "message_expiry_s");
  return {
    will: integer(row, "id"),
    hubId: text(row, "hub_id"),
    deviceId: text(row, "device_id"),
    message: {
      ...bodyFrom(row),
      qos: integer(row, "qos") as QoS,
      retain: boolean(row, "retain"),
      publishedAt: now,
      expiresAt: expiryS === null ? null : now + expiryS * 1000,
    },
  };
}
