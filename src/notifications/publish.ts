import type { JsonText } from "../kernel/json-text.ts";
import type { Tx } from "../store/sql.ts";
import { dueAtWithMore, enqueue } from "./enqueue.ts";
import { listReached, saveMessageCount } from "./subscription-rows.ts";

export type Trigger =
  | ("ledger.entry.added" | "ledger.entry.updated" | "ledger.entry.deleted")
  | ("sticker.put" | "sticker.removed" | "sticker.expired");

export type Publication = {
  accountId: string;
  twinId: string;
  trigger: Trigger;
  topics: readonly string[];
  event: JsonText;
};

/**
 * One delivery row for each confirmed, unexpired subscription to one of the topics, of the account or of one that it granted the
 * topic; a topic named twice counts once. In the transaction of the change. Numbers are counted here, so a gap is a lost message.
 */
export function publish(tx: Tx, { accountId, twinId, trigger, topics, event }: Publication): void {
  for (const topic of new Set(topics)) {
    for (const subscription of listReached(tx, accountId, topic)) {
      const number = subscription.messageCount + 1;
      saveMessageCount(tx, subscription.id, number, dueAtWithMore(tx, subscription));
      enqueue(tx, subscription, { type: "Notification", number, twinId, trigger, event });
    }
  }
}
