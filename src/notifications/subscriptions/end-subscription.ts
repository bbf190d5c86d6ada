import { record } from "../../events/record.ts";
import type { Actor } from "../../kernel/actor.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { dropWaiting } from "../model/old-delivery-rows.ts";
import { type EndReason, saveEnd, type WebhookSubscription } from "../model/subscription-rows.ts";

/** Deliveries given up with the end itself, so that it takes a bounded time; a job drops the others, which nobody sends meanwhile. */
const DROPPED_AT_ONCE_MAX = 100;

/** Ends a subscription for ever: nothing more is sent, and its tokens lead nowhere. */
export function endSubscription(tx: Tx, actor: Actor, subscription: WebhookSubscription, reason: EndReason): void {
  saveEnd(tx, subscription.id, reason);
  dropWaiting(tx, subscription.id, DROPPED_AT_ONCE_MAX);
  const { id, accountId, topic } = subscription;
  record(tx, actor, { kind: "subscription.ended", accountId, data: { subscription: id, topic, reason } });
}
