import { isDeepStrictEqual } from "node:util";
import type { JsonText } from "../../kernel/json-text.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import type { ChangeableEntry, EntryKey } from "../model/entry.ts";
import { deleteOldestRecords, deleteRecordsBefore, insertRecords } from "../model/history-rows.ts";
import { isFull, NO_RECORDS, recordsSince, withRecord } from "../model/recent-records.ts";
import { insertChangedSource, REFERENCES_TOPIC } from "../model/source-rows.ts";

/** History records kept of an entry, beside those in its own row; the journal has all that its retention reaches. */
const RECORDS_MAX = 1000;

/** Whether two texts are the same JSON, in which the order of keys means nothing. */
const isSameJson = (a: JsonText, b: JsonText) =>
  a === b || (mayDiffer(a) && mayDiffer(b) && isDeepStrictEqual(JSON.parse(a), JSON.parse(b)));

/** We write scalars in one way only; objects, and arrays of objects, may say the same in another order. */
const mayDiffer = (text: JsonText) => text.includes("{");

/**
 * The entry with another value, which is also put into its history, if it keeps one. An equal value changes nothing. Instants of
 * change strictly increase, so that each value has one of its own. What is answered is not saved yet.
 */
export function withValue(tx: Tx, entry: ChangeableEntry, value: JsonText): ChangeableEntry {
  if (isSameJson(entry.value, value)) return entry;
  return keepRecord(tx, { ...entry, value, valueChangedAt: Math.max(tx.now, entry.valueChangedAt + 1) });
}

/** The entry with its present value in its history, if it keeps one. What is in its own row is not saved yet. */
export function keepRecord(tx: Tx, entry: ChangeableEntry): ChangeableEntry {
  if (entry.history === null) return entry;
  const { recent, recordCount } = isFull(entry.recent) ? moveRecent(tx, entry) : entry;
  const record = { changedAt: entry.valueChangedAt, value: entry.value };
  return { ...entry, recent: withRecord(recent, record), recordCount: recordCount + 1 };
}

/** Moves the records in the entry's row to its history, where the newest ones stay. */
function moveRecent(tx: Tx, entry: ChangeableEntry): ChangeableEntry {
  insertRecords(tx, entry, entry.recent);
  const surplus = entry.recordCount - RECORDS_MAX;
  if (surplus <= 0) return { ...entry, recent: NO_RECORDS };
  deleteOldestRecords(tx, entry, surplus);
  return { ...entry, recent: NO_RECORDS, recordCount: RECORDS_MAX };
}

/** The entry without the records from before an instant, or all of them. What is in its own row is not saved yet. */
export function dropRecords(tx: Tx, entry: ChangeableEntry, before = Number.MAX_SAFE_INTEGER): ChangeableEntry {
  const { recent, dropped } = recordsSince(entry.recent, before);
  const count = dropped + deleteRecordsBefore(tx, entry, before);
  return count === 0 ? entry : { ...entry, recent, recordCount: entry.recordCount - count };
}

/** Has the references to an entry copied anew, if there are any: its value, visibility or existence has changed. */
export function announce(tx: Tx, entry: EntryKey): void {
  if (insertChangedSource(tx, entry)) tx.wake(REFERENCES_TOPIC);
}
