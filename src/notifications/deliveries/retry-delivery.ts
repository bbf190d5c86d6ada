import { userCommand } from "../../access/model/user-command.ts";
import { record } from "../../journal/record.ts";
import { conflict } from "../../kernel/failure.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { type Delivery, findDelivery, firstAttemptAt, restartDeliverySchedule } from "../model/delivery-rows.ts";
import { DELIVERIES_TOPIC, dueAtOf } from "../model/enqueue.ts";
import { getOwnDelivery } from "../model/lookups.ts";
import { findSubscription, saveDueAt } from "../model/subscription-rows.ts";

/**
 * Retries a waiting or failed delivery at once, with a new schedule. Its id and body stay. Refused while the endpoint
 * has not confirmed: a host that may never have asked for messages gets them at the pace of the schedule, not at that
 * of the caller.
 */
export const retryDelivery = userCommand("retry_delivery", (tx, actor, { id }: { id: string }): Delivery => {
  const delivery = getOwnDelivery(tx, actor, id);
  if (delivery.state === "delivered") throw conflict("done", "The message has been delivered.");
  if (delivery.state === "sending") throw conflict("busy", "The message is being sent.");
  const subscription = findSubscription(tx, delivery.subscriptionId);
  if (!subscription || subscription.endedAt !== null || subscription.expiresAt <= tx.now) {
    throw conflict("precondition", "The subscription has ended.");
  }
  if (subscription.confirmedAt === null) throw conflict("precondition", "The endpoint has not confirmed.");
  restartDeliverySchedule(tx, delivery.position, tx.now);
  updateSubscriptionDue(tx, delivery.subscriptionId);
  record(tx, actor, { kind: "delivery.retried", accountId: actor.accountId, data: { delivery: id } });
  return findDelivery(tx, id) as Delivery;
});

/** Makes a subscription due when some of its deliveries can be tried earlier than recorded. */
export function updateSubscriptionDue(tx: Tx, subscriptionId: string): void {
  const subscription = findSubscription(tx, subscriptionId);
  if (!subscription || subscription.endedAt !== null) return;
  saveDueAt(tx, subscriptionId, dueAtOf(subscription, firstAttemptAt(tx, subscriptionId)));
  tx.wake(DELIVERIES_TOPIC);
}
