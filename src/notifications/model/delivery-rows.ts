import type { JsonText } from "../../kernel/json-text.ts";
import {
  integer,
  integerOrNull,
  jsonTextOrNull,
  type Reader,
  type Row,
  type Tx,
  text,
  textOrNull,
} from "../../store/sqlite/sql.ts";

export const DELIVERY_STATES = ["waiting", "sending", "delivered", "failed", "dropped"] as const;
type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One message for one subscription. */
export type Delivery = {
  position: number;
  id: string;
  subscriptionId: string;
  accountId: string;
  /** The publishing account; empty for our own messages, and for older ones of which it is not known. */
  publisherId: string;
  topic: string;
  type: "Confirmation" | "Notification" | "Expiring";
  number: number | null;
  twinId: string | null;
  trigger: string | null;
  event: JsonText | null;
  sentAt: number;
  validityAt: number;
  linkBase: string;
  hashKey: string | null;
  state: DeliveryState;
  attemptCount: number;
  step: number;
  stepBaseAt: number;
  nextAttemptAt: number;
  settledAt: number | null;
  lease: string | null;
  leasedAt: number | null;
};

/** Lists leave out the events, which may be long. */
const IN_BRIEF = `position, id, subscription_id, account_id, publisher_id, topic, type, number, twin_id, trigger, NULL AS event, sent_at,
  validity_at, link_base, hash_key, state, attempt_count, step, step_base_at, next_attempt_at, settled_at, lease, leased_at`;
const COLUMNS = `position, id, subscription_id, account_id, publisher_id, topic, type, number, twin_id, trigger, event, sent_at,
  validity_at, link_base, hash_key, state, attempt_count, step, step_base_at, next_attempt_at, settled_at, lease, leased_at`;

export function findDelivery(reader: Reader, id: string): Delivery | undefined {
  const row = reader.get(`SELECT ${COLUMNS} FROM deliveries WHERE id = ?`, id);
  return row && deliveryFrom(row);
}

/** Messages of one lane are sent one at a time: same publisher and twin. Null is for messages about no twin. */
export type Lane = Pick<Delivery, "publisherId" | "twinId">;

/** The lanes of one publisher's due messages for a subscription: those that have waited longest. */
export const listDueMessages = (reader: Reader, subscriptionId: string, publisherId: string, limit: number) =>
  reader
    .all(
      `SELECT position, twin_id FROM deliveries
       WHERE subscription_id = ? AND publisher_id = ? AND state = 'waiting' AND next_attempt_at <= ?
       ORDER BY next_attempt_at, position LIMIT ?`,
      subscriptionId,
      publisherId,
      reader.now,
      limit,
    )
    .map((row) => ({ position: integer(row, "position"), publisherId, twinId: textOrNull(row, "twin_id") }));

export const getDeliveryAt = (reader: Reader, position: number): Delivery =>
  deliveryFrom(reader.get(`SELECT ${COLUMNS} FROM deliveries WHERE position = ?`, position) as Row);

/** How many deliveries wait, of all accounts; counted up to `max`. */
export function countWaiting(reader: Reader, max: number): number {
  const row = reader.get(
    "SELECT count(*) AS waiting FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_waiting WHERE state = 'waiting' LIMIT ?)",
    max,
  ) as Row;
  return integer(row, "waiting");
}

/**
 * Publishers with messages waiting for a subscription, and when each one's first may be tried: one index step per
 * publisher, however many wait.
 */
export function listWaitingPublishers(reader: Reader, subscriptionId: string) {
  const found: { publisherId: string; firstAt: number }[] = [];
  let row = reader.get(`${FIRST_WAITING} ${IN_ORDER}`, subscriptionId);
  while (row) {
    const publisherId = text(row, "publisher_id");
    found.push({ publisherId, firstAt: integer(row, "next_attempt_at") });
    row = reader.get(`${FIRST_WAITING} AND publisher_id > ? ${IN_ORDER}`, subscriptionId, publisherId);
  }
  return found;
}

const FIRST_WAITING =
  "SELECT publisher_id, next_attempt_at FROM deliveries WHERE subscription_id = ? AND state = 'waiting'";
const IN_ORDER = "ORDER BY publisher_id, next_attempt_at LIMIT 1";

/** When a subscription's first waiting delivery may be tried; null if none waits. */
export function firstAttemptAt(reader: Reader, subscriptionId: string): number | null {
  const instants = listWaitingPublishers(reader, subscriptionId).map(({ firstAt }) => firstAt);
  return instants.length > 0 ? Math.min(...instants) : null;
}

/** The lanes of a subscription's messages in flight. */
export const listLanesInFlight = (reader: Reader, subscriptionId: string): Lane[] =>
  reader
    .all("SELECT publisher_id, twin_id FROM deliveries WHERE subscription_id = ? AND state = 'sending'", subscriptionId)
    .map((row) => ({ publisherId: text(row, "publisher_id"), twinId: textOrNull(row, "twin_id") }));

/** Leases that are over, oldest first. */
export const listExpiredLeases = (reader: Reader, limit: number) =>
  reader
    .all(
      `SELECT ${COLUMNS} FROM deliveries WHERE state = 'sending' AND leased_until <= ? ORDER BY leased_until LIMIT ?`,
      reader.now,
      limit,
    )
    .map(deliveryFrom);

/** When the next lease is over, if there is one. */
export function nextLeaseEnd(reader: Reader): number | null {
  const row = reader.get(
    "SELECT min(leased_until) AS at FROM deliveries WHERE state = 'sending' AND leased_until > ?",
    reader.now,
  );
  return row ? integerOrNull(row, "at") : null;
}

export type DeliveryFilter = {
  before: number;
  examined: number;
  limit: number;
  subscriptionId?: string | undefined;
  publisherId?: string | undefined;
  topic?: string | undefined;
  twinId?: string | undefined;
  trigger?: string | undefined;
  state?: DeliveryState | undefined;
  ge?: number | undefined;
  le?: number | undefined;
};

/**
 * An account's deliveries before a position, newest first, without their events: of the next `examined`, the first
 * `limit` that pass the filter.
 */
export function listDeliveryRows(
  reader: Reader,
  accountId: string,
  filter: DeliveryFilter,
): { last: number | null; found: Delivery[] } {
  const end = reader.get(
    `SELECT min(position) AS last, count(*) AS count FROM
       (SELECT position FROM deliveries WHERE account_id = ? AND position < ? ORDER BY position DESC LIMIT ?)`,
    accountId,
    filter.before,
    filter.examined,
  ) as Row;
  const last = integerOrNull(end, "last");
  if (last === null) return { last: null, found: [] };
  const rows = reader.all(
    `SELECT ${IN_BRIEF} FROM deliveries
     WHERE account_id = ? AND position < ? AND position >= ?
       AND subscription_id = coalesce(?, subscription_id) AND publisher_id = coalesce(?, publisher_id) AND topic = coalesce(?, topic)
       AND twin_id IS coalesce(?, twin_id) AND trigger IS coalesce(?, trigger) AND state = coalesce(?, state)
       AND sent_at BETWEEN ? AND ?
     ORDER BY position DESC LIMIT ?`,
    accountId,
    filter.before,
    last,
    filter.subscriptionId ?? null,
    filter.publisherId ?? null,
    filter.topic ?? null,
    filter.twinId ?? null,
    filter.trigger ?? null,
    filter.state ?? null,
    filter.ge ?? 0,
    filter.le ?? Number.MAX_SAFE_INTEGER,
    filter.limit,
  );
  return { last: integer(end, "count") < filter.examined ? null : last, found: rows.map(deliveryFrom) };
}

/** How many of a subscription's deliveries wait and how many have failed, each counted up to `max`. */
export function countOpen(reader: Reader, subscriptionId: string, max: number): { waiting: number; failed: number } {
  const count = (state: "waiting" | "failed") =>
    integer(
      reader.get(
        `SELECT count(*) AS count FROM (SELECT 1 FROM deliveries WHERE subscription_id = ? AND state = '${state}' LIMIT ?)`,
        subscriptionId,
        max,
      ) as Row,
      "count",
    );
  return { waiting: count("waiting"), failed: count("failed") };
}

type NewDelivery = Pick<
  Delivery,
  "id" | "subscriptionId" | "accountId" | "publisherId" | "topic" | "type" | "number" | "twinId" | "trigger" | "event"
> &
  Pick<Delivery, "validityAt" | "linkBase" | "hashKey">;

/** Enqueues a message that is due at once. */
export function insertDelivery(tx: Tx, delivery: NewDelivery): void {
  tx.run(
    `INSERT INTO deliveries (id, subscription_id, account_id, publisher_id, topic, type, number, twin_id, trigger, event, sent_at,
       validity_at, link_base, hash_key, state, step_base_at, next_attempt_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?)`,
    delivery.id,
    delivery.subscriptionId,
    delivery.accountId,
    delivery.publisherId,
    delivery.topic,
    delivery.type,
    delivery.number,
    delivery.twinId,
    delivery.trigger,
    delivery.event,
    tx.now,
    delivery.validityAt,
    delivery.linkBase,
    delivery.hashKey,
    tx.now,
    tx.now,
  );
}

/** Leases a delivery for sending and counts the attempt. */
export function saveLease(tx: Tx, position: number, lease: string, leasedUntil: number): void {
  tx.run(
    `UPDATE deliveries SET state = 'sending', lease = ?, leased_at = ?, leased_until = ?, attempt_count = attempt_count + 1, step = step + 1
     WHERE position = ?`,
    lease,
    tx.now,
    leasedUntil,
    position,
  );
}

/** Extends a lease. */
export function saveLeaseEnd(tx: Tx, position: number, leasedUntil: number): void {
  tx.run("UPDATE deliveries SET leased_until = ? WHERE position = ?", leasedUntil, position);
}

/** Ends a lease; the delivery waits for its next attempt. */
export function saveNextAttempt(tx: Tx, position: number, nextAttemptAt: number, step: number): void {
  tx.run(
    `UPDATE deliveries SET state = 'waiting', next_attempt_at = ?, step = ?, lease = NULL, leased_at = NULL, leased_until = NULL
     WHERE position = ?`,
    nextAttemptAt,
    step,
    position,
  );
}

export function saveFinalState(tx: Tx, position: number, state: "delivered" | "failed" | "dropped"): void {
  tx.run(
    "UPDATE deliveries SET state = ?, settled_at = ?, lease = NULL, leased_at = NULL, leased_until = NULL WHERE position = ?",
    state,
    tx.now,
    position,
  );
}

/** Restarts a waiting or failed delivery: due at `at`, with a new schedule. */
export function restartDeliverySchedule(tx: Tx, position: number, at: number): void {
  tx.run(
    "UPDATE deliveries SET state = 'waiting', settled_at = NULL, step = 0, step_base_at = ?, next_attempt_at = ? WHERE position = ?",
    at,
    at,
    position,
  );
}

/** Positions of a subscription's undelivered messages, from an instant on and after a position, in order. */
export const listUndeliveredPositions = (
  reader: Reader,
  subscriptionId: string,
  since: number,
  after: number,
  limit: number,
) =>
  reader
    .all(
      `SELECT position FROM (
         SELECT position, sent_at FROM deliveries WHERE subscription_id = ? AND state = 'waiting' AND position > ?
         UNION ALL
         SELECT position, sent_at FROM deliveries WHERE subscription_id = ? AND state = 'failed' AND position > ?
       ) WHERE sent_at >= ? ORDER BY position LIMIT ?`,
      subscriptionId,
      after,
      subscriptionId,
      after,
      since,
      limit,
    )
    .map((row) => integer(row, "position"));

function deliveryFrom(row: Row): Delivery {
  return {
    position: integer(row, "position"),
    id: text(row, "id"),
    subscriptionId: text(row, "subscription_id"),
    accountId: text(row, "account_id"),
    publisherId: text(row, "publisher_id"),
    topic: text(row, "topic"),
    type: text(row, "type") as Delivery["type"],
    number: integerOrNull(row, "number"),
    twinId: textOrNull(row, "twin_id"),
    trigger: textOrNull(row, "trigger"),
    event: jsonTextOrNull(row, "event"),
    sentAt: integer(row, "sent_at"),
    validityAt: integer(row, "validity_at"),
    linkBase: text(row, "link_base"),
    hashKey: textOrNull(row, "hash_key"),
    state: text(row, "state") as DeliveryState,
    attemptCount: integer(row, "attempt_count"),
    step: integer(row, "step"),
    stepBaseAt: integer(row, "step_base_at"),
    nextAttemptAt: integer(row, "next_attempt_at"),
    settledAt: integerOrNull(row, "settled_at"),
    lease: textOrNull(row, "lease"),
    leasedAt: integerOrNull(row, "leased_at"),
  };
}
