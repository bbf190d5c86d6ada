import type { JsonText } from "../../kernel/json-text.ts";
import { systemRandom } from "../../kernel/random.ts";
import { declareTopic, type Tx } from "../../store/sqlite/sql.ts";
import { type Delivery, insertDelivery } from "./delivery-rows.ts";
import type { WebhookSubscription } from "./subscription-rows.ts";

/** Wakes the deliverer: deliveries are due. */
export const DELIVERIES_TOPIC = declareTopic("deliveries");

type Message =
  | { type: "Confirmation" | "Expiring" }
  | { type: "Notification"; publisherId: string; number: number; twinId: string; trigger: string; event: JsonText };

const OF_OURS: Pick<Delivery, "publisherId" | "number" | "twinId" | "trigger" | "event"> = {
  publisherId: "",
  number: null,
  twinId: null,
  trigger: null,
  event: null,
};

/** The parts of a subscription that go into its messages, at this moment. */
type Addressee = Pick<WebhookSubscription, "id" | "accountId" | "topic" | "expiresAt" | "linkBase" | "hashKey">;

/**
 * Inserts one delivery row. The message id is made in the transaction: it is not visible before the commit, so a rerun
 * after a roll-back may make another. The caller that makes the subscription due wakes the senders.
 */
export function enqueue(tx: Tx, subscription: Addressee, message: Message): void {
  const about = message.type === "Notification" ? message : OF_OURS;
  insertDelivery(tx, {
    id: systemRandom.uuid(),
    subscriptionId: subscription.id,
    accountId: subscription.accountId,
    publisherId: about.publisherId,
    topic: subscription.topic,
    type: message.type,
    number: about.number,
    twinId: about.twinId,
    trigger: about.trigger,
    event: about.event,
    validityAt: subscription.expiresAt,
    linkBase: subscription.linkBase,
    hashKey: subscription.hashKey,
  });
}

/**
 * When a subscription with a message to be tried from `at` on is due: not while it is paused, and not before its
 * endpoint's hold ends.
 */
export const dueAtOf = (
  { pausedAt, heldUntil }: Pick<WebhookSubscription, "pausedAt" | "heldUntil">,
  at: number | null,
) => (at === null || pausedAt !== null ? null : Math.max(at, heldUntil ?? 0));

/**
 * Minimum time between two messages to an endpoint that has failed. Ten a second are enough to notice a recovery, and
 * all that a dead endpoint with a long queue may cost the others.
 */
export const FAILING_GAP_MS = 100;

/** Returns when the subscription is due once one more message waits. */
export const dueAtAfterEnqueue = (tx: Tx, subscription: WebhookSubscription) => {
  const due = dueAtOf(subscription, subscription.failingSince === null ? tx.now : tx.now + FAILING_GAP_MS);
  return due === null ? null : Math.min(due, subscription.dueAt ?? due);
};
