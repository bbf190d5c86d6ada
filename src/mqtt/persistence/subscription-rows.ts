import { boolean, integer, integerOrNull, type Reader, type Row, type Tx, text } from "../../store/sqlite/sql.ts";
import type { Subscription } from "../wire/message.ts";
import type { QoS } from "../wire/packets.ts";

/** A stored session as routing needs it. */
type ListedSession = {
  sessionId: number;
  hubId: string;
  clientId: string;
  deviceId: string;
  subscriptions: Subscription[];
};

const SUBSCRIPTION = `filter, qos, no_local, retain_as_published, retain_handling, subscription_identifier`;

/**
 * Returns sessions that have not expired and whose id is above `after`, in order of id: the broker loads them when it
 * starts.
 */
export const listSessions = (reader: Reader, after = 0, limit = 1000): ListedSession[] =>
  reader
    .all(
      `SELECT s.id, u.hub_id, s.client_id, s.device_id FROM mqtt_sessions AS s
       JOIN mqtt_usage AS u ON u.number = s.hub_number
       WHERE s.id > ? AND (s.expires_at IS NULL OR s.expires_at > ?) ORDER BY s.id LIMIT ?`,
      after,
      reader.now,
      limit,
    )
    .map((row) => ({
      sessionId: integer(row, "id"),
      hubId: text(row, "hub_id"),
      clientId: text(row, "client_id"),
      deviceId: text(row, "device_id"),
      subscriptions: listSubscriptions(reader, integer(row, "id")),
    }));

export const listSubscriptions = (reader: Reader, sessionId: number): Subscription[] =>
  reader
    .all(`SELECT ${SUBSCRIPTION} FROM mqtt_subscriptions WHERE session_id = ? ORDER BY filter`, sessionId)
    .map(subscriptionFrom);

export const countSubscriptions = (reader: Reader, sessionId: number): number =>
  integer(
    reader.get("SELECT count(*) AS count FROM mqtt_subscriptions WHERE session_id = ?", sessionId) ?? {},
    "count",
  );

/** Replaces a subscription with the same filter [MQTT-3.8.4-3]. Returns whether there was one. */
export function putSubscription(tx: Tx, sessionId: number, subscription: Subscription): boolean {
  const replaced = tx.run(
    "DELETE FROM mqtt_subscriptions WHERE session_id = ? AND filter = ?",
    sessionId,
    subscription.filter,
  );
  tx.run(
    `INSERT INTO mqtt_subscriptions (session_id, ${SUBSCRIPTION}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    sessionId,
    subscription.filter,
    subscription.qos,
    Number(subscription.noLocal),
    Number(subscription.retainAsPublished),
    subscription.retainHandling,
    subscription.subscriptionIdentifier,
  );
  return replaced > 0;
}

export function deleteSubscription(tx: Tx, sessionId: number, filter: string): void {
  tx.run("DELETE FROM mqtt_subscriptions WHERE session_id = ? AND filter = ?", sessionId, filter);
}

const subscriptionFrom = (row: Row): Subscription => ({
  filter: text(row, "filter"),
  qos: integer(row, "qos") as QoS,
  noLocal: boolean(row, "no_local"),
  retainAsPublished: boolean(row, "retain_as_published"),
  retainHandling: integer(row, "retain_handling") as 0 | 1 | 2,
  subscriptionIdentifier: integerOrNull(row, "subscription_identifier"),
});
