import { integer, integerOrNull, type Reader, type Row, type Tx, text, textOrNull } from "../../store/sqlite/sql.ts";
import type { Health } from "./schedule.ts";

export type EndReason = "unsubscribed" | "deleted" | "gone" | "expired";

/** A webhook subscription of an account to a topic, and the health of its endpoint. */
export type WebhookSubscription = Health & {
  position: number;
  id: string;
  accountId: string;
  /** The topic's owner: the account itself, or another that has granted the topic. */
  publisherId: string;
  topic: string;
  callbackUrl: string;
  linkBase: string;
  /** Sealed. */
  signingSecret: string;
  /** Sealed; null if messages carry no hash. */
  hashKey: string | null;
  messageCount: number;
  createdAt: number;
  confirmedAt: number | null;
  expiresAt: number;
  noticeAt: number | null;
  endedAt: number | null;
  endReason: EndReason | null;
  dueAt: number | null;
};

/** A subscription and the health of its endpoint. */
export type SubscriptionInDetail = WebhookSubscription & {
  /** Whether the publisher grants the topic; an account always has its own. */
  granted: boolean;
  inheritedPublishers: string[];
  waiting: number;
  failed: number;
};

const COLUMNS = `position, id, account_id, publisher_id, topic, callback_url, link_base, signing_secret, hash_key, message_count,
  created_at, confirmed_at, expires_at, notice_at, ended_at, end_reason, due_at, failing_since, held_until, hold_count, paused_at`;

export function findSubscription(reader: Reader, id: string): WebhookSubscription | undefined {
  const row = reader.get(`SELECT ${COLUMNS} FROM webhook_subscriptions WHERE id = ?`, id);
  return row && subscriptionFrom(row);
}

/** An account's live subscriptions after a position, oldest first. */
export const listLiveSubscriptions = (reader: Reader, accountId: string, after: number, limit: number) =>
  reader
    .all(
      `SELECT ${COLUMNS} FROM webhook_subscriptions
       WHERE account_id = ? AND position > ? AND ended_at IS NULL AND expires_at > ? ORDER BY position LIMIT ?`,
      accountId,
      after,
      reader.now,
      limit,
    )
    .map(subscriptionFrom);

/**
 * Subscriptions that a publication reaches: to this topic of this publisher, by the publisher itself or by accounts
 * that it grants the topic to.
 */
export const listSubscriptionsOfTopic = (reader: Reader, publisherId: string, topic: string) =>
  reader
    .all(
      `SELECT ${COLUMNS} FROM webhook_subscriptions
       WHERE position IN (
         SELECT position FROM webhook_subscriptions WHERE publisher_id = ?1 AND topic = ?2 AND ended_at IS NULL
         UNION ALL
         SELECT s.position FROM inherited_publishers i JOIN webhook_subscriptions s ON s.id = i.subscription_id
         WHERE i.publisher_id = ?1 AND i.topic = ?2
       ) AND ended_at IS NULL AND confirmed_at IS NOT NULL AND expires_at > ?3 AND (
         account_id = ?1
         OR EXISTS (SELECT 1 FROM topic_grants g WHERE g.account_id = ?1 AND g.topic = ?2 AND g.grantee_id = webhook_subscriptions.account_id)
       )
       ORDER BY position`,
      publisherId,
      topic,
      reader.now,
    )
    .map(subscriptionFrom);

/**
 * Other accounts whose messages on its topic a subscription also receives: left from the first release, in which a
 * grant alone delivered.
 */
export const listInheritedPublishers = (reader: Reader, subscriptionId: string) =>
  reader
    .all(
      "SELECT publisher_id FROM inherited_publishers WHERE subscription_id = ? ORDER BY publisher_id",
      subscriptionId,
    )
    .map((row) => text(row, "publisher_id"));

type TopicOf = Pick<WebhookSubscription, "publisherId" | "topic">;

/** Numbers of an account's live subscriptions: in all, and to a topic of a publisher. */
export function countLive(reader: Reader, accountId: string, { publisherId, topic }: TopicOf) {
  const row = reader.get(
    `SELECT count(*) AS live, coalesce(sum(publisher_id = ? AND topic = ?), 0) AS same
     FROM webhook_subscriptions INDEXED BY webhook_subscriptions_live WHERE account_id = ? AND ended_at IS NULL`,
    publisherId,
    topic,
    accountId,
  ) as Row;
  return { all: integer(row, "live"), onTopic: integer(row, "same") };
}

/**
 * Of the subscriptions that an account has made since an instant, ended or not, the newest `limit`: how many, and when
 * the oldest was made.
 */
export function countMadeSince(reader: Reader, accountId: string, since: number, limit: number) {
  const row = reader.get(
    `SELECT count(*) AS count, min(created_at) AS first_at FROM (
       SELECT created_at FROM webhook_subscriptions WHERE account_id = ? AND created_at > ? ORDER BY created_at DESC LIMIT ?
     )`,
    accountId,
    since,
    limit,
  ) as Row;
  return { count: integer(row, "count"), firstAt: integerOrNull(row, "first_at") };
}

/** A due subscription, and the share of places that its messages count against. */
export type DueSubscription = { id: string; share: string };

/** Due subscriptions of other shares than these, longest due first. */
export const listDueExcept = (reader: Reader, shares: readonly string[], limit: number): DueSubscription[] =>
  (shares.length === 0
    ? reader.all(`${SELECT_DUE} ORDER BY due_at LIMIT ?`, reader.now, limit)
    : reader.all(
        `${SELECT_DUE} AND share NOT IN (SELECT value FROM json_each(?)) ORDER BY due_at LIMIT ?`,
        reader.now,
        JSON.stringify(shares),
        limit,
      )
  ).map(dueFrom);

/** Due subscriptions of these shares, longest due first. */
export const listDueOf = (reader: Reader, shares: readonly string[], limit: number): DueSubscription[] =>
  shares.length === 0
    ? []
    : reader
        .all(
          `${SELECT_DUE} AND share IN (SELECT value FROM json_each(?)) ORDER BY due_at LIMIT ?`,
          reader.now,
          JSON.stringify(shares),
          limit,
        )
        .map(dueFrom);

/**
 * Messages of other publishers count against a share of their own, so that the account keeps the places that it would
 * have without them.
 */
export const shareOf = ({ accountId, publisherId }: Pick<WebhookSubscription, "accountId" | "publisherId">) =>
  publisherId === accountId ? accountId : `${accountId}${OF_OTHERS}`;

const OF_OTHERS = " of others";
const SHARE = `iif(publisher_id = account_id, account_id, account_id || '${OF_OTHERS}')`;
const SELECT_DUE = `SELECT id, ${SHARE} AS share FROM webhook_subscriptions WHERE due_at <= ?`;
const dueFrom = (row: Row): DueSubscription => ({ id: text(row, "id"), share: text(row, "share") });

/** When the next subscription becomes due after this instant, if any does. */
export function nextDueAt(reader: Reader): number | null {
  const row = reader.get("SELECT min(due_at) AS due_at FROM webhook_subscriptions WHERE due_at > ?", reader.now);
  return row ? integerOrNull(row, "due_at") : null;
}

/** Since when the longest due subscription has been due, or when the first will be; null if nothing waits. */
export function firstDueAt(reader: Reader): number | null {
  const row = reader.get("SELECT min(due_at) AS due_at FROM webhook_subscriptions WHERE due_at IS NOT NULL");
  return row ? integerOrNull(row, "due_at") : null;
}

/** Subscriptions that lapsed and have not been ended, oldest first. */
export const listLapsedSubscriptions = (reader: Reader, limit: number) =>
  reader
    .all(
      `SELECT ${COLUMNS} FROM webhook_subscriptions WHERE ended_at IS NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?`,
      reader.now,
      limit,
    )
    .map(subscriptionFrom);

/** Subscriptions whose receiver is to be notified that they lapse. */
export const listSubscriptionsDueForNotice = (reader: Reader, limit: number) =>
  reader
    .all(
      `SELECT ${COLUMNS} FROM webhook_subscriptions WHERE notice_at <= ? ORDER BY notice_at LIMIT ?`,
      reader.now,
      limit,
    )
    .map(subscriptionFrom);

export function insertSubscription(
  tx: Tx,
  subscription: Omit<WebhookSubscription, "position" | "messageCount" | keyof Health>,
): void {
  tx.run(
    `INSERT INTO webhook_subscriptions
       (id, account_id, publisher_id, topic, callback_url, link_base, signing_secret, hash_key, created_at, expires_at, notice_at, due_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    subscription.id,
    subscription.accountId,
    subscription.publisherId,
    subscription.topic,
    subscription.callbackUrl,
    subscription.linkBase,
    subscription.signingSecret,
    subscription.hashKey,
    subscription.createdAt,
    subscription.expiresAt,
    subscription.noticeAt,
    subscription.dueAt,
  );
}

export function saveConfirmation(tx: Tx, id: string, confirmedAt: number): void {
  tx.run("UPDATE webhook_subscriptions SET confirmed_at = ? WHERE id = ?", confirmedAt, id);
}

export function saveRefresh(
  tx: Tx,
  {
    id,
    expiresAt,
    noticeAt,
    hashKey,
    linkBase,
  }: Pick<WebhookSubscription, "id" | "expiresAt" | "noticeAt" | "hashKey" | "linkBase">,
): void {
  tx.run(
    "UPDATE webhook_subscriptions SET expires_at = ?, notice_at = ?, hash_key = ?, link_base = ? WHERE id = ?",
    expiresAt,
    noticeAt,
    hashKey,
    linkBase,
    id,
  );
}

export function saveNotice(tx: Tx, id: string): void {
  tx.run("UPDATE webhook_subscriptions SET notice_at = NULL WHERE id = ?", id);
}

export function saveEnd(tx: Tx, id: string, reason: EndReason): void {
  tx.run(
    "UPDATE webhook_subscriptions SET ended_at = ?, end_reason = ?, due_at = NULL, notice_at = NULL WHERE id = ?",
    tx.now,
    reason,
    id,
  );
}

export function saveMessageCount(tx: Tx, id: string, messageCount: number, dueAt: number | null): void {
  tx.run("UPDATE webhook_subscriptions SET message_count = ?, due_at = ? WHERE id = ?", messageCount, dueAt, id);
}

export function saveDueAt(tx: Tx, id: string, dueAt: number | null): void {
  tx.run("UPDATE webhook_subscriptions SET due_at = ? WHERE id = ?", dueAt, id);
}

export function saveHealth(tx: Tx, id: string, health: Health, dueAt: number | null): void {
  tx.run(
    `UPDATE webhook_subscriptions SET failing_since = ?, held_until = ?, hold_count = ?, paused_at = ?, due_at = ? WHERE id = ?`,
    health.failingSince,
    health.heldUntil,
    health.holdCount,
    health.pausedAt,
    dueAt,
    id,
  );
}

/** Deletes subscriptions that ended before an instant; their deliveries are older than it too. */
export const deleteEndedBefore = (tx: Tx, instant: number, limit: number): number =>
  tx.run(
    `DELETE FROM webhook_subscriptions WHERE position IN (
       SELECT position FROM webhook_subscriptions WHERE ended_at < ? ORDER BY ended_at LIMIT ?
     )`,
    instant,
    limit,
  );

function subscriptionFrom(row: Row): WebhookSubscription {
  return {
    position: integer(row, "position"),
    id: text(row, "id"),
    accountId: text(row, "account_id"),
    publisherId: text(row, "publisher_id"),
    topic: text(row, "topic"),
    callbackUrl: text(row, "callback_url"),
    linkBase: text(row, "link_base"),
    signingSecret: text(row, "signing_secret"),
    hashKey: textOrNull(row, "hash_key"),
    messageCount: integer(row, "message_count"),
    createdAt: integer(row, "created_at"),
    confirmedAt: integerOrNull(row, "confirmed_at"),
    expiresAt: integer(row, "expires_at"),
    noticeAt: integerOrNull(row, "notice_at"),
    endedAt: integerOrNull(row, "ended_at"),
    endReason: textOrNull(row, "end_reason") as EndReason | null,
    dueAt: integerOrNull(row, "due_at"),
    failingSince: integerOrNull(row, "failing_since"),
    heldUntil: integerOrNull(row, "held_until"),
    holdCount: integer(row, "hold_count"),
    pausedAt: integerOrNull(row, "paused_at"),
  };
}
