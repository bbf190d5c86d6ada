import { command } from "../../store/sqlite/command.ts";
import { getLiveSubscription } from "../model/lookups.ts";
import type { WebhookSubscription } from "../model/subscription-rows.ts";
import type { SubscriptionKey } from "../model/tokens.ts";
import { endSubscription } from "./end-subscription.ts";

/** Ends a subscription, confirmed or not, and drops its waiting deliveries. */
export const webhookUnsubscribe = command(
  "webhook_unsubscribe",
  (tx, actor, key: SubscriptionKey): WebhookSubscription => {
    const subscription = getLiveSubscription(tx, key);
    endSubscription(tx, actor, subscription, "unsubscribed");
    return subscription;
  },
);
