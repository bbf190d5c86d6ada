import type { UserActor } from "../../kernel/actor.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { cursorAt, positionOf } from "../model/cursor.ts";
import { countOpen } from "../model/delivery-rows.ts";
import { isGranted } from "../model/grant-rows.ts";
import { getOwnSubscription } from "../model/lookups.ts";
import {
  listInheritedPublishers,
  listLiveSubscriptions,
  type SubscriptionInDetail,
  type WebhookSubscription,
} from "../model/subscription-rows.ts";

/** Undelivered messages are counted up to these numbers; the lower one is for lists of a hundred subscriptions. */
const COUNTED_MAX = 10_000;
const COUNTED_IN_LIST_MAX = 200;

/** The live subscriptions of the caller's account, oldest first, with the health of their endpoints. */
export function listSubscriptions(
  reader: Reader,
  actor: UserActor,
  page: { cursor?: string | undefined; limit: number },
) {
  const after = page.cursor ? positionOf(page.cursor) : 0;
  // One more than asked for shows whether there is a next page.
  const found = listLiveSubscriptions(reader, actor.accountId, after, page.limit + 1);
  const shown = found.slice(0, page.limit);
  const last = found.length > shown.length ? shown.at(-1) : undefined;
  return {
    subscriptions: shown.map((one) => withDeliveryCounts(reader, one, COUNTED_IN_LIST_MAX)),
    cursor: last ? cursorAt(last.position) : null,
  };
}

export const getSubscription = (reader: Reader, actor: UserActor, id: string): SubscriptionInDetail =>
  withDeliveryCounts(reader, getOwnSubscription(reader, actor, id));

export const withDeliveryCounts = (
  reader: Reader,
  subscription: WebhookSubscription,
  countedMax = COUNTED_MAX,
): SubscriptionInDetail => ({
  ...subscription,
  granted: isGrantedStill(reader, subscription),
  inheritedPublishers: listInheritedPublishers(reader, subscription.id),
  ...countOpen(reader, subscription.id, countedMax),
});

const isGrantedStill = (reader: Reader, { accountId, publisherId, topic }: WebhookSubscription) =>
  publisherId === accountId || isGranted(reader, publisherId, topic, accountId);
