import { inTurn } from "../../kernel/share.ts";
import { command } from "../../store/sqlite/command.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { insertAttempt } from "../model/attempt-rows.ts";
import {
  type Delivery,
  firstAttemptAt,
  getDeliveryAt,
  listDueMessages,
  listExpiredLeases,
  listLanesInFlight,
  listWaitingPublishers,
  nextLeaseEnd,
  saveLease,
  saveLeaseEnd,
  saveNextAttempt,
} from "../model/delivery-rows.ts";
import { dueAtOf } from "../model/enqueue.ts";
import { chooseNextMessages } from "../model/lanes.ts";
import { dropWaitingDeliveries } from "../model/old-delivery-rows.ts";
import {
  type DueSubscription,
  findSubscription,
  listDueExcept,
  listDueOf,
  nextDueAt,
  saveDueAt,
  shareOf,
  type WebhookSubscription,
} from "../model/subscription-rows.ts";
import { DeliveryPlaces, placesOfEndpoint } from "./delivery-places.ts";

/**
 * An attempt takes at most 10 s. A delivery that is not settled by then, plus a margin for a busy writer, may be leased
 * again, unless its sender reports that it still holds it.
 */
const LEASE_MS = 20_000;

/** Due deliveries examined per place, to find some of different lanes. */
const WINDOW_OF_PLACE = 4;
/** Due subscriptions examined, to find some of different shares. */
const WINDOW_OF_ACCOUNTS = 256;
/**
 * Limits of one command, so that other writes wait some 5 ms for it: subscriptions examined and deliveries leased,
 * subscriptions put in line, leases taken back.
 */
const LEASED_MAX = 32;
const LINED_UP_MAX = 64;
const OVERDUE_MAX = 32;

type Input = {
  lease: string;
  /** Leases that the sender still holds deliveries of. */
  held: readonly string[];
  /** Free places of the sender, and its messages in flight by share. */
  room: number;
  inFlight: Readonly<Record<string, number>>;
  /** For each share with subscriptions in line for its places: those whose turn it is. */
  lines: Readonly<Record<string, readonly string[]>>;
};

/** What the sender needs for an attempt. */
export type LeasedDelivery = {
  delivery: Delivery;
  share: string;
  callbackUrl: string;
  signingSecret: string;
};

export type LeaseResult = {
  leased: LeasedDelivery[];
  /** Subscriptions to put in line until their share has free places, and those that have left the line. */
  linedUp: DueSubscription[];
  served: string[];
  /** More were due than there was room or time for. */
  more: boolean;
  /** When something may be due next. */
  nextAt: number | null;
};

type Handed = Pick<LeaseResult, "leased" | "served"> & { places: DeliveryPlaces; lease: string };

/**
 * Leases due deliveries to a sender: accounts in turn, and of each account the longest due subscription first. Per
 * subscription, publisher and twin at most one is in flight, so a publisher's messages about a twin arrive in order,
 * except for messages that wait for their retry.
 *
 * An account with its full share in flight is not examined, however much it has due: its subscriptions wait in a line
 * that the sender keeps. If the sender is lost, they are due again after the time of a lease.
 */
export const leaseDeliveries = command("lease_deliveries", (tx, _actor, input: Input): LeaseResult => {
  const overdue = takeBack(tx, new Set(input.held));
  const places = new DeliveryPlaces(input.room, input.inFlight);
  const handed: Handed = { leased: [], served: [], places, lease: input.lease };
  const barred = [...new Set([...places.full, ...Object.keys(input.lines)])];

  const due = listDueExcept(tx, barred, WINDOW_OF_ACCOUNTS);
  const chosen = inTurn(due, ({ share }) => share).slice(0, LEASED_MAX);
  const linedUp: DueSubscription[] = [];
  for (const one of chosen) {
    if (handed.leased.length >= LEASED_MAX) break;
    if (!leaseFrom(tx, one.id, handed)) linedUp.push(one);
  }
  for (const id of inTurn(Object.entries(input.lines).flatMap(withShare), ([share]) => share).map(([, id]) => id)) {
    if (handed.leased.length >= LEASED_MAX) break;
    if (leaseFrom(tx, id, handed)) handed.served.push(id);
  }
  linedUp.push(...listDueOf(tx, barred, LINED_UP_MAX));
  for (const { id } of linedUp) saveDueAt(tx, id, tx.now + LEASE_MS);

  const more =
    overdue === OVERDUE_MAX ||
    chosen.length < due.length ||
    due.length === WINDOW_OF_ACCOUNTS ||
    linedUp.length >= LINED_UP_MAX ||
    handed.leased.length >= LEASED_MAX;
  const instants = [nextDueAt(tx), nextLeaseEnd(tx)].filter((at) => at !== null);
  const { leased, served } = handed;
  return { leased, linedUp, served, more, nextAt: instants.length > 0 ? Math.min(...instants) : null };
});

const withShare = ([share, ids]: [string, readonly string[]]) => ids.map((id) => [share, id] as const);

/**
 * Leases what a subscription has due, as far as there are places. Returns false, and does nothing, if its share has
 * none.
 */
function leaseFrom(tx: Tx, id: string, { leased, places, lease }: Handed): boolean {
  const subscription = findSubscription(tx, id);
  if (!subscription || subscription.endedAt !== null) return true;
  const { callbackUrl, signingSecret, failingSince } = subscription;
  const share = shareOf(subscription);
  if (subscription.expiresAt <= tx.now) {
    saveDueAt(tx, id, null);
    return true;
  }
  const ofShare = Math.min(places.of(share), LEASED_MAX - leased.length);
  if (ofShare <= 0) return false;
  const inFlight = listLanesInFlight(tx, id);
  const most = Math.min(ofShare, placesOfEndpoint(inFlight.length, failingSince !== null));
  // A subscription that was in line may have been held or paused since.
  const dueAt = dueAtOf(subscription, tx.now);
  const due = most > 0 && dueAt === tx.now ? listDueByPublisher(tx, subscription, most * WINDOW_OF_PLACE) : [];
  const chosen = chooseNextMessages(due, inFlight, most);
  for (const { position } of chosen) saveLease(tx, position, lease, tx.now + LEASE_MS);
  saveDueAt(tx, id, dueAfter(tx, subscription, inFlight.length + chosen.length, chosen.length === ofShare));
  for (const { position } of chosen) {
    leased.push({ delivery: getDeliveryAt(tx, position), share, callbackUrl, signingSecret });
  }
  places.take(share, chosen.length);
  return true;
}

/** Due messages by publisher: our own first, then those of the topic's owner, then those of inherited publishers. */
function listDueByPublisher(tx: Tx, { id, publisherId: named }: WebhookSubscription, limit: number) {
  const waiting = listWaitingPublishers(tx, id).filter(({ firstAt }) => firstAt <= tx.now);
  const rankOf = (publisherId: string) => (publisherId === "" ? 0 : publisherId === named ? 1 : 2);
  const ranked = waiting.toSorted((a, b) => rankOf(a.publisherId) - rankOf(b.publisherId) || a.firstAt - b.firstAt);
  return ranked.map(({ publisherId }) => listDueMessages(tx, id, publisherId, Math.ceil(limit / ranked.length)));
}

/**
 * When to examine a subscription again. What is due but blocked by a message in flight is examined when that one is
 * settled, which sets the instant anew; at the latest when its lease is over. `cut`: more may be due than its share had
 * places for.
 */
function dueAfter(tx: Tx, subscription: WebhookSubscription, inFlight: number, cut: boolean): number | null {
  const due = dueAtOf(subscription, firstAttemptAt(tx, subscription.id));
  if (due === null || due > tx.now) return due;
  return cut || inFlight === 0 ? due : tx.now + LEASE_MS;
}

/**
 * Makes the messages in flight of a lost sender due again: whether they arrived is unknown. Leases that are still held
 * are extended.
 */
function takeBack(tx: Tx, held: ReadonlySet<string>): number {
  const overdue = listExpiredLeases(tx, OVERDUE_MAX);
  for (const { position, subscriptionId, attemptCount, leasedAt, step, lease } of overdue) {
    if (lease !== null && held.has(lease)) {
      saveLeaseEnd(tx, position, tx.now + LEASE_MS);
      continue;
    }
    const lost = { durationMs: null, status: null, error: "interrupted", answer: "" } as const;
    insertAttempt(tx, position, { number: attemptCount, startedAt: leasedAt ?? tx.now, ...lost });
    saveNextAttempt(tx, position, tx.now, step - 1);
    const subscription = findSubscription(tx, subscriptionId);
    if (!subscription || subscription.endedAt !== null) dropWaitingDeliveries(tx, subscriptionId, OVERDUE_MAX);
    else saveDueAt(tx, subscriptionId, dueAtOf(subscription, firstAttemptAt(tx, subscriptionId)));
  }
  return overdue.length;
}
