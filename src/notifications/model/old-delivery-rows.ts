import { integer, type Reader, type Tx, text } from "../../store/sqlite/sql.ts";

// Deletes deliveries that are no longer needed: those of ended subscriptions, and old ones.

/** Drops at most `limit` waiting deliveries and returns how many. */
export const dropWaitingDeliveries = (tx: Tx, subscriptionId: string, limit: number): number =>
  tx.run(
    `UPDATE deliveries SET state = 'dropped', settled_at = ? WHERE position IN (
       SELECT position FROM deliveries WHERE subscription_id = ? AND state = 'waiting' LIMIT ?
     )`,
    tx.now,
    subscriptionId,
    limit,
  );

/** An ended subscription that still has waiting deliveries. */
export function findEndedSubscriptionWithDeliveries(reader: Reader): string | undefined {
  const row = reader.get(
    `SELECT id FROM webhook_subscriptions s WHERE ended_at IS NOT NULL AND EXISTS (
       SELECT 1 FROM deliveries d WHERE d.subscription_id = s.id AND d.state = 'waiting'
     ) LIMIT 1`,
  );
  return row && text(row, "id");
}

/**
 * Examines the next `limit` deliveries after a position and deletes those that are settled and from before an instant.
 * Returns how many, and the last position.
 */
export function deleteDeliveriesBefore(
  tx: Tx,
  after: number,
  instant: number,
  limit: number,
): { count: number; last: number | null } {
  const slice = tx.all(
    "SELECT position, sent_at, state FROM deliveries WHERE position > ? ORDER BY position LIMIT ?",
    after,
    limit,
  );
  const old = slice.filter((row) => integer(row, "sent_at") < instant);
  const settled = old.filter((row) => !["waiting", "sending"].includes(text(row, "state")));
  for (const row of settled) tx.run("DELETE FROM deliveries WHERE position = ?", integer(row, "position"));
  const last = old.length === limit ? old.at(-1) : undefined;
  return { count: settled.length, last: last ? integer(last, "position") : null };
}
