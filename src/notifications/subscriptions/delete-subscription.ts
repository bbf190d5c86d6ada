import { userCommand } from "../../access/model/user-command.ts";
import { getOwnSubscription } from "../model/lookups.ts";
import type { WebhookSubscription } from "../model/subscription-rows.ts";
import { endSubscription } from "./end-subscription.ts";

/** Ends a subscription of the caller's account, as its receiver could, and returns its last state. */
export const deleteSubscription = userCommand(
  "delete_subscription",
  (tx, actor, { id }: { id: string }): WebhookSubscription => {
    const subscription = getOwnSubscription(tx, actor, id);
    endSubscription(tx, actor, subscription, "deleted");
    return subscription;
  },
);
