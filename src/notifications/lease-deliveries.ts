import { command } from "../store/command.ts";
import type { Tx } from "../store/sql.ts";
import { insertAttempt } from "./attempt-rows.ts";
import {
  countSendingOfOthers,
  type Delivery,
  firstAttemptAt,
  getDeliveryAt,
  listDueOf,
  listLanesInFlight,
  listOverdue,
  listWaitingPublishers,
  nextLeaseEnd,
  saveLease,
  saveWaiting,
} from "./delivery-rows.ts";
import { dueAtOf } from "./enqueue.ts";
import { chooseNext } from "./lanes.ts";
import { dropWaiting } from "./old-delivery-rows.ts";
import { findSubscription, listDue, nextDueAt, saveDue, type WebhookSubscription } from "./subscription-rows.ts";

/** An attempt takes at most 10 s; what has not been settled by then and a margin for a busy writer belongs to nobody any more. */
export const LEASE_MS = 20_000;

/** Messages on their way to one endpoint at a time; to one that has failed, a single one until it takes it. */
const IN_FLIGHT_OF_ENDPOINT_MAX = 32;
/** Of one account. It keeps an account with many hanging endpoints from taking every place there is. */
const IN_FLIGHT_OF_ACCOUNT_MAX = 128;
/** Of these, of what other accounts publish: it leaves places for what the account publishes itself. */
const IN_FLIGHT_OF_OTHERS_MAX = 64;
/** How soon an account is looked at again that has its share on the way. */
const ACCOUNT_WAIT_MS = 500;

/** Due deliveries that are looked at to find some of different lanes, for each place there is. */
const WINDOW_OF_PLACE = 4;
/** Subscriptions that one command looks at, and overdue leases that it takes back. */
const SUBSCRIPTIONS_MAX = 64;
const OVERDUE_MAX = 100;

type Input = {
  lease: string;
  /** Deliveries that the sender has places for, and how many of each account it has on the way. */
  room: number;
  inFlight: Readonly<Record<string, number>>;
};

/** What the sender needs to know. */
export type Leased = {
  delivery: Delivery;
  callbackUrl: string;
  signingSecret: string;
};

/** `more`: others were due that there was no room or no time for. `nextAt`: the instant at which something may be due again. */
export type Leases = { leased: Leased[]; more: boolean; nextAt: number | null };

/**
 * Hands out deliveries that are due, longest due first, for the holder of a lease to send. Of a subscription, a publisher and a twin only one
 * is out at a time, so what a publisher tells of a twin arrives in its order unless a message waits for its retry.
 */
export const leaseDeliveries = command("lease_deliveries", (tx, _actor, input: Input): Leases => {
  const overdue = takeBack(tx);
  const inFlight = new Map(Object.entries(input.inFlight));
  const due = listDue(tx, SUBSCRIPTIONS_MAX);
  const leased: Leased[] = [];
  for (const subscription of due) {
    const room = input.room - leased.length;
    if (room <= 0) break;
    const ofAccount = IN_FLIGHT_OF_ACCOUNT_MAX - (inFlight.get(subscription.accountId) ?? 0);
    const taken = leaseFrom(tx, subscription, input.lease, room, ofAccount);
    inFlight.set(subscription.accountId, (inFlight.get(subscription.accountId) ?? 0) + taken.length);
    leased.push(...taken);
  }
  const more = overdue === OVERDUE_MAX || due.length === SUBSCRIPTIONS_MAX || leased.length >= input.room;
  const instants = [nextDueAt(tx), nextLeaseEnd(tx)].filter((at) => at !== null);
  return { leased, more, nextAt: instants.length > 0 ? Math.min(...instants) : null };
});

function leaseFrom(
  tx: Tx,
  subscription: WebhookSubscription,
  lease: string,
  room: number,
  ofAccount: number,
): Leased[] {
  const { id, callbackUrl, signingSecret } = subscription;
  if (subscription.expiresAt <= tx.now) {
    saveDue(tx, id, null);
    return [];
  }
  if (ofAccount <= 0) {
    saveDue(tx, id, tx.now + ACCOUNT_WAIT_MS);
    return [];
  }
  const inFlight = listLanesInFlight(tx, id);
  const ofEndpoint = (subscription.failingSince === null ? IN_FLIGHT_OF_ENDPOINT_MAX : 1) - inFlight.length;
  const places = Math.max(0, Math.min(room, ofAccount, ofEndpoint));
  const due = places > 0 ? listDueByPublisher(tx, subscription, places * WINDOW_OF_PLACE) : [];
  const isOther = (publisherId: string) => publisherId !== "" && publisherId !== subscription.accountId;
  const anyOther = due.some(([first]) => first !== undefined && isOther(first.publisherId));
  const ofOthers = anyOther ? IN_FLIGHT_OF_OTHERS_MAX - countSendingOfOthers(tx, subscription.accountId) : 0;
  const chosen = chooseNext(due, inFlight, { all: places, ofOthers }, isOther);
  for (const { position } of chosen) saveLease(tx, position, lease, tx.now + LEASE_MS);
  const isHeldBack = chosen.length === 0 && anyOther && ofOthers <= 0;
  const dueAt = isHeldBack
    ? tx.now + ACCOUNT_WAIT_MS
    : dueAfter(tx, subscription, chosen.length, inFlight.length + chosen.length, room);
  saveDue(tx, id, dueAt);
  return chosen.map(({ position }) => ({ delivery: getDeliveryAt(tx, position), callbackUrl, signingSecret }));
}

/** What is due of each publisher: our own messages first, then those of whose topic it is, then those of inherited publishers. */
function listDueByPublisher(tx: Tx, { id, publisherId: named }: WebhookSubscription, limit: number) {
  const waiting = listWaitingPublishers(tx, id).filter(({ firstAt }) => firstAt <= tx.now);
  const rankOf = (publisherId: string) => (publisherId === "" ? 0 : publisherId === named ? 1 : 2);
  const ranked = waiting.toSorted((a, b) => rankOf(a.publisherId) - rankOf(b.publisherId) || a.firstAt - b.firstAt);
  return ranked.map(({ publisherId }) => listDueOf(tx, id, publisherId, Math.ceil(limit / ranked.length)));
}

/**
 * When to look at a subscription again. What is due now but has to wait for something on its way is looked at when that is settled,
 * which sets the instant anew; should it never be, when its lease is over.
 */
function dueAfter(
  tx: Tx,
  subscription: WebhookSubscription,
  chosen: number,
  inFlight: number,
  room: number,
): number | null {
  const due = dueAtOf(subscription, firstAttemptAt(tx, subscription.id));
  if (due === null || due > tx.now) return due;
  // The sender has no more places, or the subscription had more due than were looked at: next time.
  if (chosen === room || inFlight === 0) return due;
  return tx.now + LEASE_MS;
}

/** What a sender that is gone had on its way may be sent again: whether it arrived, nobody knows. */
function takeBack(tx: Tx): number {
  const overdue = listOverdue(tx, OVERDUE_MAX);
  for (const { position, subscriptionId, attemptCount, leasedAt, step } of overdue) {
    const lost = { durationMs: null, status: null, error: "interrupted", answer: "" } as const;
    insertAttempt(tx, position, { number: attemptCount, startedAt: leasedAt ?? tx.now, ...lost });
    saveWaiting(tx, position, tx.now, step - 1);
    const subscription = findSubscription(tx, subscriptionId);
    if (!subscription || subscription.endedAt !== null) dropWaiting(tx, subscriptionId, OVERDUE_MAX);
    else saveDue(tx, subscriptionId, dueAtOf(subscription, firstAttemptAt(tx, subscriptionId)));
  }
  return overdue.length;
}
