import { overQuota } from "../../kernel/failure.ts";
import { command } from "../../store/sqlite/command.ts";
import type { Subscription } from "../wire/message.ts";
import { findSessionById } from "./session-rows.ts";
import { SUBSCRIPTIONS_MAX } from "./store-limits.ts";
import { countSubscriptions, deleteSubscription, putSubscription } from "./subscription-rows.ts";

type Save = { sessionId: number; subscriptions: Subscription[] };

/**
 * Stores subscriptions of a session, replacing those with the same filter. Returns false if the session is gone.
 * Refuses all of them if the session would have too many.
 */
export const saveSubscriptions = command(
  "save_subscriptions",
  (tx, _actor, { sessionId, subscriptions }: Save): boolean => {
    if (!findSessionById(tx, sessionId)) return false;
    let count = countSubscriptions(tx, sessionId);
    for (const subscription of subscriptions) if (!putSubscription(tx, sessionId, subscription)) count++;
    if (count > SUBSCRIPTIONS_MAX) {
      const quota = { resource: "subscriptions", quota: SUBSCRIPTIONS_MAX, current: count };
      throw overQuota("The session has too many subscriptions.", quota);
    }
    return true;
  },
);

export const deleteSubscriptions = command(
  "delete_subscriptions",
  (tx, _actor, { sessionId, filters }: { sessionId: number; filters: string[] }): null => {
    for (const filter of filters) deleteSubscription(tx, sessionId, filter);
    return null;
  },
);
