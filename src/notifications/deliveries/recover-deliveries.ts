import { userCommand } from "../../access/model/user-command.ts";
import type { Deps } from "../../deps.ts";
import { record } from "../../journal/record.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { conflict } from "../../kernel/failure.ts";
import { toSeconds } from "../../kernel/schema.ts";
import { listUndeliveredPositions, restartDeliverySchedule } from "../model/delivery-rows.ts";
import { findSubscription, listLiveSubscriptions } from "../model/subscription-rows.ts";
import { updateSubscriptionDue } from "./retry-delivery.ts";

/** Deliveries restarted in one command, so that other writes do not wait long for it. */
const SLICE = 100;
/** More than an account can have. */
const ALL = 1_000_000;

type Wish = { since: number; topic?: string | undefined; subscriptionId?: string | undefined };

/**
 * Restarts every delivery since an instant that was not delivered (failed, or waiting for a retry), in the order of
 * publication and with the same message ids. Returns how many. Paused endpoints stay paused, and unconfirmed endpoints
 * get no more confirmation messages.
 */
export async function recoverDeliveries({ store }: Deps, actor: UserActor, wish: Wish): Promise<number> {
  const live = store.read((reader) => listLiveSubscriptions(reader, actor.accountId, 0, ALL));
  const subscriptions = wish.subscriptionId === undefined ? live : live.filter(({ id }) => id === wish.subscriptionId);
  // A subscription named in the body is a conflict if absent, not a missing resource.
  if (wish.subscriptionId !== undefined && subscriptions.length === 0) {
    throw conflict("precondition", "There is no such subscription in the account.");
  }
  let recovered = 0;
  for (const { id, topic, confirmedAt } of subscriptions) {
    if (confirmedAt === null || (wish.topic !== undefined && topic !== wish.topic)) continue;
    for (let after: number | null = 0, at: number | null = null; after !== null; ) {
      const slice: Slice = await store.write(recoverDeliverySlice, actor, {
        subscriptionId: id,
        since: wish.since,
        after,
        at,
      });
      recovered += slice.count;
      after = slice.last;
      at = slice.at;
    }
  }
  return recovered;
}

type Input = { subscriptionId: string; since: number; after: number; at: number | null };
type Slice = { count: number; last: number | null; at: number };

/** All slices of a call are due at the same instant; among equal instants, positions keep the order. */
export const recoverDeliverySlice = userCommand("recover_deliveries", (tx, actor, input: Input): Slice => {
  const at = input.at ?? tx.now;
  const subscription = findSubscription(tx, input.subscriptionId);
  // It may have ended since it was listed; then there is nothing to recover.
  if (subscription?.accountId !== actor.accountId || subscription.endedAt !== null) return { count: 0, last: null, at };
  const { id, accountId, topic } = subscription;
  const positions = listUndeliveredPositions(tx, id, input.since, input.after, SLICE);
  for (const position of positions) restartDeliverySchedule(tx, position, at);
  if (positions.length > 0) {
    updateSubscriptionDue(tx, id);
    const data = { subscription: id, topic, since_ts: toSeconds(input.since), count: positions.length };
    record(tx, actor, { kind: "deliveries.recovered", accountId, data });
  }
  return { count: positions.length, last: positions.length === SLICE ? (positions.at(-1) ?? null) : null, at };
});
