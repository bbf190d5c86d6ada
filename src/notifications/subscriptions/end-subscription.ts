import { record } from "../../journal/record.ts";
import type { Actor } from "../../kernel/actor.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { dropWaitingDeliveries } from "../model/old-delivery-rows.ts";
import { type EndReason, saveEnd, type WebhookSubscription } from "../model/subscription-rows.ts";

/**
 * Deliveries dropped in the same command, so that it takes a bounded time; a job drops the rest, which are not sent
 * meanwhile.
 */
const DROPPED_AT_ONCE_MAX = 100;

/** Ends a subscription for good: nothing more is sent, and its tokens are refused. */
export function endSubscription(tx: Tx, actor: Actor, subscription: WebhookSubscription, reason: EndReason): void {
  saveEnd(tx, subscription.id, reason);
  dropWaitingDeliveries(tx, subscription.id, DROPPED_AT_ONCE_MAX);
  const { id, accountId, topic } = subscription;
  record(tx, actor, { kind: "subscription.ended", accountId, data: { subscription: id, topic, reason } });
}
