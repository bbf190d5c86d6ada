import { userCommand } from "../access/user-command.ts";
import { record } from "../events/record.ts";
import { conflict } from "../kernel/failure.ts";
import type { Tx } from "../store/sql.ts";
import { type Delivery, findDelivery, firstAttemptAt, saveRestart } from "./delivery-rows.ts";
import { dueAtOf } from "./enqueue.ts";
import { getOwnDelivery } from "./lookups.ts";
import { findSubscription, saveDue } from "./subscription-rows.ts";

/** Tries a delivery that waits or has failed at once, with the whole schedule before it again. Its id and its body stay. */
export const retryDelivery = userCommand("retry_delivery", (tx, actor, { id }: { id: string }): Delivery => {
  const delivery = getOwnDelivery(tx, actor, id);
  if (delivery.state === "delivered") throw conflict("done", "The message has been delivered.");
  if (delivery.state === "sending") throw conflict("busy", "The message is being sent.");
  if (!isDeliverable(tx, delivery.subscriptionId)) throw conflict("precondition", "The subscription has ended.");
  saveRestart(tx, delivery.position, tx.now);
  makeDue(tx, delivery.subscriptionId);
  record(tx, actor, { kind: "delivery.retried", accountId: actor.accountId, data: { delivery: id } });
  return findDelivery(tx, id) as Delivery;
});

function isDeliverable(tx: Tx, subscriptionId: string): boolean {
  const subscription = findSubscription(tx, subscriptionId);
  return subscription !== undefined && subscription.endedAt === null && subscription.expiresAt > tx.now;
}

/** For a subscription some of whose deliveries can be tried sooner than it knew. */
export function makeDue(tx: Tx, subscriptionId: string): void {
  const subscription = findSubscription(tx, subscriptionId);
  if (!subscription || subscription.endedAt !== null) return;
  saveDue(tx, subscriptionId, dueAtOf(subscription, firstAttemptAt(tx, subscriptionId)));
  tx.wake("deliveries");
}
