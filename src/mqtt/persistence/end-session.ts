import type { Tx } from "../../store/sqlite/sql.ts";
import { QUEUES_TOPIC } from "./queue-rows.ts";
import { deleteSession, type StoredSession } from "./session-rows.ts";
import { makeWillDue } from "./will-rows.ts";

/** Ends a session: its pending will becomes due [MQTT-3.1.2-8], and its queue is dropped soon. */
export function endSession(tx: Tx, { id, nextPosition }: StoredSession): void {
  makeWillDue(tx, id);
  deleteSession(tx, id);
  if (nextPosition > 1) tx.wake(QUEUES_TOPIC);
}
