import type { JsonText } from "../../kernel/json-text.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { DELIVERIES_TOPIC, dueAtAfterEnqueue, enqueue } from "./enqueue.ts";
import { listSubscriptionsOfTopic, saveMessageCount, type WebhookSubscription } from "./subscription-rows.ts";

export type Publication = {
  /** The publishing account: the owner of the entry or sticker. */
  accountId: string;
  twinId: string;
  /** What happened, in the words of the room that publishes it. */
  trigger: string;
  topics: readonly string[];
  event: JsonText;
};

/**
 * Enqueues one delivery for each confirmed, unexpired subscription to one of the account's topics: a subscription names
 * the topic's owner, and a foreign one receives as long as the topic is granted. A topic listed twice counts once. Runs
 * in the transaction of the change; numbers are counted here, so a gap means a lost message.
 */
export function publish(tx: Tx, ...publications: readonly Publication[]): void {
  // Thousands of stickers may expire at once, most of them with the same topics: subscriptions are looked up once, and
  // their numbers updated once.
  const listeners = new Map<string, WebhookSubscription[]>();
  const numbered = new Map<string, WebhookSubscription>();
  for (const { accountId, twinId, trigger, topics, event } of publications) {
    for (const topic of new Set(topics)) {
      const name = `${accountId} ${topic}`;
      const reached = listeners.get(name) ?? listSubscriptionsOfTopic(tx, accountId, topic);
      listeners.set(name, reached);
      for (const found of reached) {
        // Several of these names may lead to the same subscription with inherited publishers.
        const subscription = numbered.get(found.id) ?? found;
        const number = subscription.messageCount + 1;
        numbered.set(found.id, { ...subscription, messageCount: number });
        enqueue(tx, subscription, { type: "Notification", publisherId: accountId, number, twinId, trigger, event });
      }
    }
  }
  for (const subscription of numbered.values()) {
    const dueAt = dueAtAfterEnqueue(tx, subscription);
    saveMessageCount(tx, subscription.id, subscription.messageCount, dueAt);
    if (dueAt !== null) tx.wake(DELIVERIES_TOPIC);
  }
}
