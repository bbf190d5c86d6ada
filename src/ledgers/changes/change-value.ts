import { isDeepStrictEqual } from "node:util";
import type { JsonText } from "../../kernel/json-text.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import type { ChangeableEntry, EntryKey } from "../model/entry.ts";
import { deleteOldestRecords, deleteRecordsBefore, insertRecords } from "../model/history-rows.ts";
import { isFull, NO_RECORDS, recordsSince, withRecord } from "../model/recent-records.ts";
import { insertChangedSource, REFERENCES_TOPIC } from "../model/source-rows.ts";

/**
 * History records kept per entry, in addition to those in its own row; the journal has everything within its retention.
 */
const RECORDS_MAX = 1000;

/** Whether two texts are the same JSON; the order of keys does not count. */
const isSameJson = (a: JsonText, b: JsonText) =>
  a === b || (mayDiffer(a) && mayDiffer(b) && isDeepStrictEqual(JSON.parse(a), JSON.parse(b)));

/** This server writes each scalar in one way only; objects, and arrays of objects, may differ in the order of keys. */
const mayDiffer = (text: JsonText) => text.includes("{");

/**
 * Returns the entry with another value, which is also added to its history, if it keeps one. An equal value changes
 * nothing. Instants of change strictly increase, so that each value has a distinct one. The caller has to save the
 * entry.
 */
export function withValue(tx: Tx, entry: ChangeableEntry, value: JsonText): ChangeableEntry {
  if (isSameJson(entry.value, value)) return entry;
  return keepRecord(tx, { ...entry, value, valueChangedAt: Math.max(tx.now, entry.valueChangedAt + 1) });
}

/** Adds the entry's present value to its history, if it keeps one. The caller has to save the entry. */
export function keepRecord(tx: Tx, entry: ChangeableEntry): ChangeableEntry {
  if (entry.history === null) return entry;
  const { recent, recordCount } = isFull(entry.recent) ? moveRecent(tx, entry) : entry;
  const record = { changedAt: entry.valueChangedAt, value: entry.value };
  return { ...entry, recent: withRecord(recent, record), recordCount: recordCount + 1 };
}

/** Moves the records in the entry's row to its history table, which keeps only the newest. */
function moveRecent(tx: Tx, entry: ChangeableEntry): ChangeableEntry {
  insertRecords(tx, entry, entry.recent);
  const surplus = entry.recordCount - RECORDS_MAX;
  if (surplus <= 0) return { ...entry, recent: NO_RECORDS };
  deleteOldestRecords(tx, entry, surplus);
  return { ...entry, recent: NO_RECORDS, recordCount: RECORDS_MAX };
}

/**
 * Returns the entry without the records from before an instant; by default without any. The caller has to save the
 * entry.
 */
export function dropRecords(tx: Tx, entry: ChangeableEntry, before = Number.MAX_SAFE_INTEGER): ChangeableEntry {
  const { recent, dropped } = recordsSince(entry.recent, before);
  const count = dropped + deleteRecordsBefore(tx, entry, before);
  return count === 0 ? entry : { ...entry, recent, recordCount: entry.recordCount - count };
}

/** Marks the references to an entry for copying, if there are any: its value, visibility or existence has changed. */
export function queueReferenceCopies(tx: Tx, entry: EntryKey): void {
  if (insertChangedSource(tx, entry)) tx.wake(REFERENCES_TOPIC);
}
