import { isDeepStrictEqual } from "node:util";
import type { JsonText } from "../kernel/json-text.ts";
import type { Tx } from "../store/sql.ts";
import type { Entry } from "./entry.ts";
import { deleteOldestRecord, insertRecord } from "./history-rows.ts";
import { insertChangedSource } from "./source-rows.ts";

/** History records kept of an entry; the journal has all that its retention reaches. */
const RECORDS_MAX = 1000;

/** Whether two texts are the same JSON, in which the order of keys means nothing. */
export const isSameJson = (a: JsonText, b: JsonText) =>
  a === b || (mayDiffer(a) && mayDiffer(b) && isDeepStrictEqual(JSON.parse(a), JSON.parse(b)));

/** We write scalars in one way only; objects, and arrays of objects, may say the same in another order. */
const mayDiffer = (text: JsonText) => text.includes("{");

/**
 * The entry with another value, which is also put into its history, if it keeps one. An equal value changes nothing. Instants of
 * change strictly increase, so that each value has one of its own. What is answered is not saved yet.
 */
export function withValue(tx: Tx, entry: Entry, value: JsonText): Entry {
  if (isSameJson(entry.value, value)) return entry;
  return keepRecord(tx, { ...entry, value, valueChangedAt: Math.max(tx.now, entry.valueChangedAt + 1) });
}

/** Puts the present value into the entry's history, if it keeps one. */
export function keepRecord(tx: Tx, entry: Entry): Entry {
  if (entry.history === null) return entry;
  insertRecord(tx, entry, { changedAt: entry.valueChangedAt, value: entry.value });
  if (entry.recordCount < RECORDS_MAX) return { ...entry, recordCount: entry.recordCount + 1 };
  deleteOldestRecord(tx, entry);
  return entry;
}

/** Has the references to an entry copied anew, if there are any: its value, visibility or existence has changed. */
export function announce(tx: Tx, entry: Entry): void {
  if (insertChangedSource(tx, entry)) tx.wake("references");
}
