import type { JsonText } from "../kernel/json-text.ts";
import { integer, type Reader, type Tx, text } from "../store/sql.ts";
import type { EntryKey } from "./entry.ts";
import type { HistoryRecord, RecentRecords } from "./recent-records.ts";

/** Adds what stood in an entry's own row. */
export const insertRecords = (tx: Tx, { twinId, accountId, name }: EntryKey, recent: RecentRecords): number =>
  tx.run(
    `INSERT INTO ledger_history (twin_id, account_id, name, changed_at, value)
     SELECT ?, ?, ?, value ->> 0, value -> 1 FROM json_each(?)`,
    twinId,
    accountId,
    name,
    recent,
  );

export const deleteOldestRecords = (tx: Tx, { twinId, accountId, name }: EntryKey, count: number): number =>
  tx.run(
    `DELETE FROM ledger_history WHERE (twin_id, account_id, name, changed_at) IN (
       SELECT twin_id, account_id, name, changed_at FROM ledger_history
       WHERE twin_id = ? AND account_id = ? AND name = ? ORDER BY changed_at LIMIT ?)`,
    twinId,
    accountId,
    name,
    count,
  );

/** Deletes the records from before an instant, and answers how many there were. */
export const deleteRecordsBefore = (tx: Tx, { twinId, accountId, name }: EntryKey, instant: number): number =>
  tx.run(
    "DELETE FROM ledger_history WHERE twin_id = ? AND account_id = ? AND name = ? AND changed_at < ?",
    twinId,
    accountId,
    name,
    instant,
  );

/** Records of an entry between two instants, both included, newest first, those in its own row among them. */
export const listRecords = (
  reader: Reader,
  { twinId, accountId, name }: EntryKey,
  range: { from: number; to: number; limit: number },
): HistoryRecord[] =>
  reader
    .all(
      `SELECT changed_at, value FROM ledger_records
       WHERE twin_id = ? AND account_id = ? AND name = ? AND changed_at BETWEEN ? AND ?
       ORDER BY changed_at DESC LIMIT ?`,
      twinId,
      accountId,
      name,
      range.from,
      range.to,
      range.limit,
    )
    .map((row) => ({ changedAt: integer(row, "changed_at"), value: text(row, "value") as JsonText }));
