import { userCommand } from "../../access/model/user-command.ts";
import { record } from "../../journal/record.ts";
import { firstAttemptAt } from "../model/delivery-rows.ts";
import { DELIVERIES_TOPIC } from "../model/enqueue.ts";
import { getOwnSubscription } from "../model/lookups.ts";
import { HEALTHY } from "../model/schedule.ts";
import { saveHealth, type WebhookSubscription } from "../model/subscription-rows.ts";

/**
 * Marks the endpoint of a subscription as healthy, whether it was paused or held: what is due is tried at once.
 * Deliveries that wait for their own retry keep waiting, and failed ones stay failed; `recover_deliveries` is for
 * those.
 */
export const resumeSubscription = userCommand(
  "resume_subscription",
  (tx, actor, { id }: { id: string }): WebhookSubscription => {
    const subscription = getOwnSubscription(tx, actor, id);
    saveHealth(tx, id, HEALTHY, firstAttemptAt(tx, id));
    tx.wake(DELIVERIES_TOPIC);
    const { accountId, topic } = subscription;
    record(tx, actor, { kind: "subscription.resumed", accountId, data: { subscription: id, topic } });
    return { ...subscription, ...HEALTHY };
  },
);
