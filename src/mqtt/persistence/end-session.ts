import type { Tx } from "../../store/sqlite/sql.ts";
import { QUEUES_TOPIC } from "./queue-rows.ts";
import { deleteSession, type StoredSession } from "./session-rows.ts";
import { makeWillDue } from "./will-rows.ts";

/** A session ends: its will, if it still waits, is due [MQTT-3.1.3-9], and what is left in its queue is dropped soon. */
export function endSession(tx: Tx, { id, nextPosition }: StoredSession): void {
  makeWillDue(tx, id);
  deleteSession(tx, id);
  if (nextPosition > 1) tx.wake(QUEUES_TOPIC);
}
