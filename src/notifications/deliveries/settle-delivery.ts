import { record } from "../../journal/record.ts";
import { command } from "../../store/sqlite/command.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { insertAttempt } from "../model/attempt-rows.ts";
import {
  type Delivery,
  findDelivery,
  firstAttemptAt,
  saveFinalState,
  saveNextAttempt,
} from "../model/delivery-rows.ts";
import { dueAtOf, FAILING_GAP_MS } from "../model/enqueue.ts";
import { type Health, healthAfter, nextAttemptAt, type Outcome } from "../model/schedule.ts";
import { findSubscription, saveDueAt, saveHealth, type WebhookSubscription } from "../model/subscription-rows.ts";
import { endSubscription } from "../subscriptions/end-subscription.ts";

export type AttemptOutcome = Outcome & { startedAt: number; durationMs: number; answer: string };

type Input = {
  deliveryId: string;
  lease: string;
  outcome: AttemptOutcome;
  /** From 0 to 1: the position of the next attempt within its jitter. */
  chance: number;
};

export type Settlement = "delivered" | "failed" | "dropped" | "waiting" | "not ours";

/**
 * Stores the outcome of an attempt and updates the delivery and its subscription. Only for the lease's holder: a lease
 * that is over has been recorded as interrupted, and another sender may hold the delivery.
 */
export const settleDelivery = command("settle_delivery", (tx, actor, input: Input): Settlement => {
  const { outcome } = input;
  const delivery = findDelivery(tx, input.deliveryId);
  if (!delivery || delivery.lease !== input.lease) return "not ours";
  const { startedAt, durationMs, status, error, answer } = outcome;
  insertAttempt(tx, delivery.position, { number: delivery.attemptCount, startedAt, durationMs, status, error, answer });

  const subscription = findSubscription(tx, delivery.subscriptionId);
  const lives = subscription !== undefined && subscription.endedAt === null;
  const settlement = settle(tx, delivery, outcome, lives, input.chance);
  if (!lives) return settlement;
  if (error === "gone") endSubscription(tx, actor, subscription, "gone");
  else saveAfter(tx, subscription, outcome);
  if (subscription.pausedAt === null && error !== null) recordPause(tx, actor, subscription.id);
  return settlement;
});

function settle(tx: Tx, delivery: Delivery, outcome: Outcome, lives: boolean, chance: number): Settlement {
  const { position, step } = delivery;
  if (outcome.error === null) {
    saveFinalState(tx, position, "delivered");
    return "delivered";
  }
  if (!lives || outcome.error === "gone") {
    saveFinalState(tx, position, "dropped");
    return "dropped";
  }
  const nextAt = nextAttemptAt(outcome, delivery, tx.now, chance);
  if (nextAt === null) {
    saveFinalState(tx, position, "failed");
    return "failed";
  }
  // An interrupted attempt is no step of the schedule.
  saveNextAttempt(tx, position, nextAt, outcome.error === "interrupted" ? step - 1 : step);
  return "waiting";
}

function saveAfter(tx: Tx, subscription: WebhookSubscription, outcome: AttemptOutcome): void {
  const { id } = subscription;
  const health = healthAfter(outcome, subscription, tx.now);
  const first = firstAttemptAt(tx, id);
  const earliest = health.failingSince === null ? 0 : tx.now + FAILING_GAP_MS;
  const dueAt = dueAtOf(health, first && Math.max(first, earliest));
  if (!isSame(health, subscription)) saveHealth(tx, id, health, dueAt);
  else if (dueAt !== subscription.dueAt) saveDueAt(tx, id, dueAt);
}

const isSame = (a: Health, b: Health) =>
  a.failingSince === b.failingSince &&
  a.heldUntil === b.heldUntil &&
  a.holdCount === b.holdCount &&
  a.pausedAt === b.pausedAt;

/** Journaled only: a message about undelivered messages would not be delivered either. */
function recordPause(tx: Tx, actor: Parameters<typeof record>[1], id: string): void {
  const subscription = findSubscription(tx, id);
  if (!subscription || subscription.pausedAt === null) return;
  const { accountId, topic } = subscription;
  record(tx, actor, { kind: "subscription.paused", accountId, data: { subscription: id, topic } });
}
