import type { JsonText } from "../../kernel/json-text.ts";

export type HistoryRecord = { changedAt: number; value: JsonText };

/**
 * The newest records of an entry, oldest first, as stored in its own row: `[[instant, value], …]`. Adding a value there
 * only makes the row longer; in the history table it would cost a page write of its own.
 */
export type RecentRecords = JsonText;

export const NO_RECORDS = "[]" as RecentRecords;

/**
 * Characters at which the records are moved to the history together, some twenty meter readings. With them the row
 * still fits into the kilobyte that SQLite keeps of it in one page.
 */
const LENGTH_MAX = 512;

export const isFull = (recent: RecentRecords) => recent.length >= LENGTH_MAX;

export const withRecord = (recent: RecentRecords, { changedAt, value }: HistoryRecord) =>
  `${recent.slice(0, -1)}${recent === NO_RECORDS ? "" : ","}[${changedAt},${value}]]` as RecentRecords;

/** The records from an instant on, and how many older ones were dropped. */
export function recordsSince(recent: RecentRecords, instant: number): { recent: RecentRecords; dropped: number } {
  const records: [changedAt: number, value: unknown][] = JSON.parse(recent);
  const kept = records.filter(([changedAt]) => changedAt >= instant);
  if (kept.length === records.length) return { recent, dropped: 0 };
  return { recent: JSON.stringify(kept) as RecentRecords, dropped: records.length - kept.length };
}
