import type { JsonText } from "../../kernel/json-text.ts";
import { integer, type Reader, type Row, type Tx, text } from "../../store/sqlite/sql.ts";
import type { EntryKey } from "./entry.ts";
import type { HistoryRecord, RecentRecords } from "./recent-records.ts";

/** Inserts the records from an entry's own row. */
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

/** Deletes the records from before an instant and returns how many. */
export const deleteRecordsBefore = (tx: Tx, { twinId, accountId, name }: EntryKey, instant: number): number =>
  tx.run(
    "DELETE FROM ledger_history WHERE twin_id = ? AND account_id = ? AND name = ? AND changed_at < ?",
    twinId,
    accountId,
    name,
    instant,
  );

type Range = { from: number; to: number; limit: number };

/**
 * Records of an entry between two instants, both included, newest first: those in its own row, then those moved to the
 * history table.
 */
export function listRecords(reader: Reader, key: EntryKey, range: Range): HistoryRecord[] {
  const recent = listRecent(reader, key, range);
  const left = range.limit - recent.length;
  return left === 0 ? recent : [...recent, ...listMoved(reader, key, { ...range, limit: left })];
}

/** Records read at a time, as their sizes are not known. */
const CHUNK = 50;

type Within = { bytesMax: number; sees: ((value: JsonText) => boolean) | undefined };

/**
 * The same for a record filter, with a limit on bytes but at least one record. `next`: the instant from which older
 * records were left out because of their size, null if none were.
 */
export function listRecordsWithin(
  reader: Reader,
  key: EntryKey,
  range: Range,
  { bytesMax, sees }: Within,
): { records: HistoryRecord[]; next: number | null } {
  const records: HistoryRecord[] = [];
  let bytes = 0;
  for (let to = range.to; records.length < range.limit; ) {
    const limit = sees ? CHUNK : Math.min(range.limit - records.length, CHUNK);
    const chunk = listRecords(reader, key, { ...range, to, limit });
    for (const record of chunk) {
      if (records.length === range.limit) break;
      if (sees && !sees(record.value)) continue;
      bytes += record.value.length;
      if (records.length > 0 && bytes > bytesMax) return { records, next: record.changedAt };
      records.push(record);
    }
    const oldest = chunk.at(-1);
    if (!oldest || chunk.length < limit) break;
    to = oldest.changedAt - 1;
  }
  return { records, next: null };
}

const listRecent = (
  reader: Reader,
  { twinId, accountId, name }: EntryKey,
  { from, to, limit }: Range,
): HistoryRecord[] =>
  reader
    .all(
      `SELECT r.value ->> 0 AS changed_at, r.value -> 1 AS value FROM ledger_entries e, json_each(e.recent) r
       WHERE e.twin_id = ? AND e.account_id = ? AND e.name = ? AND changed_at BETWEEN ? AND ?
       ORDER BY r.key DESC LIMIT ?`,
      twinId,
      accountId,
      name,
      from,
      to,
      limit,
    )
    .map(recordFrom);

const listMoved = (
  reader: Reader,
  { twinId, accountId, name }: EntryKey,
  { from, to, limit }: Range,
): HistoryRecord[] =>
  reader
    .all(
      `SELECT changed_at, value FROM ledger_history
       WHERE twin_id = ? AND account_id = ? AND name = ? AND changed_at BETWEEN ? AND ?
       ORDER BY changed_at DESC LIMIT ?`,
      twinId,
      accountId,
      name,
      from,
      to,
      limit,
    )
    .map(recordFrom);

const recordFrom = (row: Row): HistoryRecord => ({
  changedAt: integer(row, "changed_at"),
  value: text(row, "value") as JsonText,
});
