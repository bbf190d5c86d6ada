import { command } from "../store/command.ts";
import { endSubscription } from "./end-subscription.ts";
import { getLiveSubscription } from "./lookups.ts";
import type { WebhookSubscription } from "./subscription-rows.ts";
import type { SubscriptionKey } from "./tokens.ts";

/** Ends a subscription, confirmed or not, and drops what waits to be delivered. */
export const webhookUnsubscribe = command(
  "webhook_unsubscribe",
  (tx, actor, key: SubscriptionKey): WebhookSubscription => {
    const subscription = getLiveSubscription(tx, key);
    endSubscription(tx, actor, subscription, "unsubscribed");
    return subscription;
  },
);
