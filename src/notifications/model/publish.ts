import type { JsonText } from "../../kernel/json-text.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { DELIVERIES_TOPIC, dueAtWithMore, enqueue } from "./enqueue.ts";
import { listReached, saveMessageCount, type WebhookSubscription } from "./subscription-rows.ts";

export type Publication = {
  /** The account that publishes: whose entry or sticker it is. */
  accountId: string;
  twinId: string;
  /** What happened, in the words of the room that publishes it. */
  trigger: string;
  topics: readonly string[];
  event: JsonText;
};

/**
 * One delivery row for each confirmed, unexpired subscription to one of the account's topics: subscriptions name whose topic they are for, and
 * a foreign one receives as long as the topic is granted. A topic named twice counts once. In the transaction of the change. Numbers are
 * counted here, so a gap is a lost message.
 */
export function publish(tx: Tx, ...publications: readonly Publication[]): void {
  // Very many stickers expire at once, most of them to the same topics: who listens is asked once, and counted up once.
  const listeners = new Map<string, WebhookSubscription[]>();
  const told = new Map<string, WebhookSubscription>();
  for (const { accountId, twinId, trigger, topics, event } of publications) {
    for (const topic of new Set(topics)) {
      const name = `${accountId} ${topic}`;
      const reached = listeners.get(name) ?? listReached(tx, accountId, topic);
      listeners.set(name, reached);
      for (const found of reached) {
        // Several of these names may lead to one subscription that has inherited publishers.
        const subscription = told.get(found.id) ?? found;
        const number = subscription.messageCount + 1;
        told.set(found.id, { ...subscription, messageCount: number });
        enqueue(tx, subscription, { type: "Notification", publisherId: accountId, number, twinId, trigger, event });
      }
    }
  }
  for (const subscription of told.values()) {
    const dueAt = dueAtWithMore(tx, subscription);
    saveMessageCount(tx, subscription.id, subscription.messageCount, dueAt);
    if (dueAt !== null) tx.wake(DELIVERIES_TOPIC);
  }
}
