import { JOB_SLICE, type Job } from "../../deps.ts";
import { SYSTEM } from "../../kernel/actor.ts";
import { command } from "../../store/sqlite/command.ts";
import { DELIVERIES_TOPIC, dueAtAfterEnqueue, enqueue } from "../model/enqueue.ts";
import {
  deleteDeliveriesBefore,
  dropWaitingDeliveries,
  findEndedSubscriptionWithDeliveries,
} from "../model/old-delivery-rows.ts";
import {
  deleteEndedBefore,
  listLapsedSubscriptions,
  listSubscriptionsDueForNotice,
  saveDueAt,
  saveNotice,
} from "../model/subscription-rows.ts";
import { endSubscription } from "./end-subscription.ts";

type Slice = { limit: number };

/** Notifies receivers, a day before, that their subscription lapses. At most `limit`; returns how many. */
export const announceExpiry = command("announce_expiry", (tx, _actor, { limit }: Slice): number => {
  const due = listSubscriptionsDueForNotice(tx, limit);
  for (const subscription of due) {
    saveNotice(tx, subscription.id);
    if (subscription.confirmedAt === null || subscription.expiresAt <= tx.now) continue;
    saveDueAt(tx, subscription.id, dueAtAfterEnqueue(tx, subscription));
    enqueue(tx, subscription, { type: "Expiring" });
    tx.wake(DELIVERIES_TOPIC);
  }
  return due.length;
});

/**
 * Ends subscriptions that lapsed, and drops waiting deliveries of ended ones. At most `limit` of each; returns how
 * many.
 */
export const expireSubscriptions = command("expire_subscriptions", (tx, actor, { limit }: Slice): number => {
  const lapsed = listLapsedSubscriptions(tx, limit);
  for (const subscription of lapsed) endSubscription(tx, actor, subscription, "expired");
  const uncleared = findEndedSubscriptionWithDeliveries(tx);
  return lapsed.length + (uncleared === undefined ? 0 : dropWaitingDeliveries(tx, uncleared, limit));
});

type Prune = { after: number; before: number; limit: number };

/**
 * Deletes settled deliveries from before an instant, in slices from a position on; after the last slice, deletes the
 * subscriptions that ended before the instant.
 */
export const pruneDeliveries = command("prune_deliveries", (tx, _actor, { after, before, limit }: Prune) => {
  const { count, last } = deleteDeliveriesBefore(tx, after, before, limit);
  return { count: count + (last === null ? deleteEndedBefore(tx, before, limit) : 0), last };
});

export const announceExpiryJob: Job = {
  name: "announce_expiry",
  schedule: "*/15 * * * *",
  run: async ({ store }) => {
    const done = await store.write(announceExpiry, SYSTEM, { limit: JOB_SLICE });
    return { done, more: done >= JOB_SLICE };
  },
};

export const expireSubscriptionsJob: Job = {
  name: "expire_subscriptions",
  schedule: "3-59/15 * * * *",
  run: async ({ store }) => {
    const done = await store.write(expireSubscriptions, SYSTEM, { limit: JOB_SLICE });
    return { done, more: done > 0 };
  },
};

/** Walks all deliveries that are old enough, from slice to slice and from hour to hour. */
export function pruneDeliveriesJob(): Job {
  let after = 0;
  return {
    name: "prune_deliveries",
    schedule: "47 * * * *",
    run: async ({ store, clock, config }) => {
      if (config.deliveriesKeepMs === Number.POSITIVE_INFINITY) return { done: 0, more: false };
      const input = { after, before: clock.now() - config.deliveriesKeepMs, limit: JOB_SLICE };
      const { count, last } = await store.write(pruneDeliveries, SYSTEM, input);
      after = last ?? 0;
      return { done: count, more: last !== null };
    },
  };
}
