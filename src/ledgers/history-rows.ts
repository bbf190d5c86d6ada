import type { JsonText } from "../kernel/json-text.ts";
import { integer, type Reader, type Tx, text } from "../store/sql.ts";
import type { EntryKey } from "./entry.ts";

export type HistoryRecord = { changedAt: number; value: JsonText };

export function insertRecord(tx: Tx, { twinId, accountId, name }: EntryKey, { changedAt, value }: HistoryRecord): void {
  tx.run(
    "INSERT INTO ledger_history (twin_id, account_id, name, changed_at, value) VALUES (?, ?, ?, ?, ?)",
    twinId,
    accountId,
    name,
    changedAt,
    value,
  );
}

export function deleteOldestRecord(tx: Tx, { twinId, accountId, name }: EntryKey): void {
  tx.run(
    `DELETE FROM ledger_history WHERE (twin_id, account_id, name, changed_at) = (
       SELECT twin_id, account_id, name, changed_at FROM ledger_history
       WHERE twin_id = ? AND account_id = ? AND name = ? ORDER BY changed_at LIMIT 1)`,
    twinId,
    accountId,
    name,
  );
}

/** Deletes the records from before an instant, and answers how many there were. */
export const deleteRecordsBefore = (tx: Tx, { twinId, accountId, name }: EntryKey, instant: number): number =>
  tx.run(
    "DELETE FROM ledger_history WHERE twin_id = ? AND account_id = ? AND name = ? AND changed_at < ?",
    twinId,
    accountId,
    name,
    instant,
  );

/** Records of an entry between two instants, both included, newest first. */
export const listRecords = (
  reader: Reader,
  { twinId, accountId, name }: EntryKey,
  range: { from: number; to: number; limit: number },
): HistoryRecord[] =>
  reader
    .all(
      `SELECT changed_at, value FROM ledger_history
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
