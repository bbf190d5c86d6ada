import type { UserActor } from "../../kernel/actor.ts";
import { notFound } from "../../kernel/failure.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { type Delivery, findDelivery } from "./delivery-rows.ts";
import { findSubscription, type WebhookSubscription } from "./subscription-rows.ts";
import type { SubscriptionKey } from "./tokens.ts";

// Ended, just lapsed, foreign and unknown subscriptions are not found, in the same words.

/** The live subscription that a token names. */
export function getLiveSubscription(reader: Reader, { accountId, id }: SubscriptionKey): WebhookSubscription {
  const subscription = findSubscription(reader, id);
  const lives = subscription && subscription.endedAt === null && subscription.expiresAt > reader.now;
  if (!lives || subscription.accountId !== accountId) throw notFound("Subscription", id);
  return subscription;
}

export const getOwnSubscription = (reader: Reader, { accountId }: UserActor, id: string) =>
  getLiveSubscription(reader, { accountId, id });

export function getOwnDelivery(reader: Reader, actor: UserActor, id: string): Delivery {
  const delivery = findDelivery(reader, id);
  if (delivery?.accountId !== actor.accountId) throw notFound("Delivery", id);
  return delivery;
}
