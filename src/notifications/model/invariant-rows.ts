import type { Invariant } from "../../store/sqlite/invariant.ts";

/**
 * Numbers have no gaps. Old deliveries are deleted once they are settled; so after one that was settled within a day,
 * the shortest time that they are kept, the next number must exist.
 */
const SETTLED_SOON = "d.settled_at < d.sent_at + 86400000";

export const NOTIFICATION_INVARIANTS: readonly Invariant[] = [
  {
    broken: "deliveries: notification {number} of subscription {subscription_id} was made {times} times",
    sql: `SELECT number, subscription_id, count(*) AS times FROM deliveries WHERE number IS NOT NULL
          GROUP BY subscription_id, number HAVING times > 1`,
  },
  {
    broken: "deliveries: subscription {subscription_id} has notification {number}, and not the next one",
    sql: `SELECT subscription_id, number FROM (
            SELECT d.subscription_id, d.number, ${SETTLED_SOON} AS soon,
              lead(d.number, 1, s.message_count + 1) OVER (PARTITION BY d.subscription_id ORDER BY d.number) AS next
            FROM deliveries d JOIN webhook_subscriptions s ON s.id = d.subscription_id WHERE d.number IS NOT NULL
          ) WHERE soon AND next > number + 1`,
  },
  {
    broken: "webhook_subscriptions: {id} counts {message_count} notifications, and there is one with number {newest}",
    sql: `SELECT s.id, s.message_count, max(d.number) AS newest FROM webhook_subscriptions s
          JOIN deliveries d ON d.subscription_id = s.id GROUP BY s.id HAVING newest > s.message_count`,
  },
  {
    broken: "deliveries: {id} waits for subscription {subscription_id}, which does not exist",
    sql: `SELECT id, subscription_id FROM deliveries
          WHERE state IN ('waiting', 'sending') AND subscription_id NOT IN (SELECT id FROM webhook_subscriptions)`,
  },
  {
    broken: "deliveries: {id} is of another account than its subscription",
    sql: `SELECT d.id FROM deliveries d JOIN webhook_subscriptions s ON s.id = d.subscription_id
          WHERE d.account_id <> s.account_id`,
  },
  {
    broken: "webhook_subscriptions: {id} does not say whose topic it is for",
    sql: "SELECT id FROM webhook_subscriptions WHERE publisher_id = ''",
  },
  {
    broken:
      "inherited_publishers: subscription {subscription_id} inherits {publisher_id} on {topic}, which is not beside its own",
    sql: `SELECT i.subscription_id, i.publisher_id, i.topic FROM inherited_publishers i
          JOIN webhook_subscriptions s ON s.id = i.subscription_id WHERE i.topic <> s.topic OR i.publisher_id = s.publisher_id`,
  },
  {
    broken: "webhook_subscriptions: {id} has messages that wait, and will never be looked at",
    sql: `SELECT s.id FROM webhook_subscriptions s
          WHERE s.ended_at IS NULL AND s.paused_at IS NULL AND s.due_at IS NULL AND s.expires_at > unixepoch() * 1000
            AND EXISTS (SELECT 1 FROM deliveries d WHERE d.subscription_id = s.id AND d.state = 'waiting')`,
  },
];
