import { userCommand } from "../../access/model/user-command.ts";
import { record } from "../../events/record.ts";
import { conflict } from "../../kernel/failure.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { type Delivery, findDelivery, firstAttemptAt, saveRestart } from "../model/delivery-rows.ts";
import { DELIVERIES_TOPIC, dueAtOf } from "../model/enqueue.ts";
import { getOwnDelivery } from "../model/lookups.ts";
import { findSubscription, saveDue } from "../model/subscription-rows.ts";

/**
 * Tries a delivery that waits or has failed at once, with the whole schedule before it again. Its id and its body stay. Refused while the
 * endpoint has not confirmed: a host that nobody may have asked is told so as often as the schedule says, and not as often as the caller likes.
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
  saveRestart(tx, delivery.position, tx.now);
  makeDue(tx, delivery.subscriptionId);
  record(tx, actor, { kind: "delivery.retried", accountId: actor.accountId, data: { delivery: id } });
  return findDelivery(tx, id) as Delivery;
});

/** For a subscription some of whose deliveries can be tried sooner than it knew. */
export function makeDue(tx: Tx, subscriptionId: string): void {
  const subscription = findSubscription(tx, subscriptionId);
  if (!subscription || subscription.endedAt !== null) return;
  saveDue(tx, subscriptionId, dueAtOf(subscription, firstAttemptAt(tx, subscriptionId)));
  tx.wake(DELIVERIES_TOPIC);
}
