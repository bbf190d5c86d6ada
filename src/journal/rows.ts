import {
  type AppendOnlyTable,
  integer,
  type Reader,
  type Row,
  type Tx,
  text,
  textOrNull,
} from "../store/sqlite/sql.ts";

type EventRow = {
  accountId: string;
  twinId: string | null;
  kind: string;
  actorKind: string;
  actorId: string | null;
  data: string;
};

/** The columns of a journal row that history needs. */
export type StoredEvent = { sequence: number; occurredAt: number; twinId: string | null; kind: string; data: string };

const JOURNAL: AppendOnlyTable = {
  name: "events",
  number: "sequence",
  columns: ["occurred_at", "account_id", "twin_id", "kind", "actor_kind", "actor_id", "data"],
};

/** Returns the sequence of the new row. */
export const insertEvent = (tx: Tx, event: EventRow): number =>
  tx.append(JOURNAL, tx.now, event.accountId, event.twinId, event.kind, event.actorKind, event.actorId, event.data);

const EVENT = "sequence, occurred_at, twin_id, kind, data";

export function findEvent(reader: Reader, sequence: number): StoredEvent | undefined {
  const row = reader.get(`SELECT ${EVENT} FROM events WHERE sequence = ?`, sequence);
  return row && eventFrom(row);
}

/** Returns the oldest events with their instants and sizes; the newest event is never included. */
export const listOldestEvents = (reader: Reader, limit: number) =>
  reader
    .all(
      `SELECT sequence, occurred_at, octet_length(data) AS byte_count FROM events
       WHERE sequence < (SELECT max(sequence) FROM events) ORDER BY sequence LIMIT ?`,
      limit,
    )
    .map((row) => ({
      sequence: integer(row, "sequence"),
      occurredAt: integer(row, "occurred_at"),
      byteCount: integer(row, "byte_count"),
    }));

/** Deletes the rows up to a sequence, and returns how many. */
export const deleteEventsThrough = (tx: Tx, sequence: number): number =>
  tx.run("DELETE FROM events WHERE sequence <= ?", sequence);

const eventFrom = (row: Row): StoredEvent => ({
  sequence: integer(row, "sequence"),
  occurredAt: integer(row, "occurred_at"),
  twinId: textOrNull(row, "twin_id"),
  kind: text(row, "kind"),
  data: text(row, "data"),
});
