import { record } from "../../journal/record.ts";
import { command } from "../../store/sqlite/command.ts";
import { getLiveSubscription } from "../model/lookups.ts";
import { saveConfirmation, type WebhookSubscription } from "../model/subscription-rows.ts";
import type { SubscriptionKey } from "../model/tokens.ts";

/** Starts delivery. Confirming again changes nothing. */
export const webhookConfirmSubscription = command(
  "webhook_confirm_subscription",
  (tx, actor, key: SubscriptionKey): WebhookSubscription => {
    const subscription = getLiveSubscription(tx, key);
    if (subscription.confirmedAt !== null) return subscription;
    saveConfirmation(tx, key.id, tx.now);
    const { accountId, id, topic } = subscription;
    record(tx, actor, { kind: "subscription.confirmed", accountId, data: { subscription: id, topic } });
    return { ...subscription, confirmedAt: tx.now };
  },
);
