import type { Tx } from "../store/sql.ts";

export type EventRow = {
  accountId: string;
  twinId: string | null;
  kind: string;
  actorKind: string;
  actorId: string | null;
  data: string;
};

export function insertEvent(tx: Tx, event: EventRow): void {
  tx.run(
    `INSERT INTO events (occurred_at, account_id, twin_id, kind, actor_kind, actor_id, data) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    tx.now,
    event.accountId,
    event.twinId,
    event.kind,
    event.actorKind,
    event.actorId,
    event.data,
  );
}

/** Deletes the oldest rows from before an instant, at most `limit` and never the newest, and answers how many. */
export function deleteEventsBefore(tx: Tx, instant: number, limit: number): number {
  return tx.run(
    `DELETE FROM events WHERE sequence <= (
       SELECT max(sequence) FROM (SELECT sequence, occurred_at FROM events ORDER BY sequence LIMIT ?) WHERE occurred_at < ?
     ) AND sequence < (SELECT max(sequence) FROM events)`,
    limit,
    instant,
  );
}
