import type { JsonText } from "../../kernel/json-text.ts";

export type HistoryRecord = { changedAt: number; value: JsonText };

/**
 * The newest records of an entry, oldest first, as they stand in its own row: `[[instant, value], …]`. A value that is added there costs
 * nothing but a longer row; added to the history itself, it would cost a page of its own.
 */
export type RecentRecords = JsonText;

export const NO_RECORDS = "[]" as RecentRecords;

/**
 * When they have come to so many characters, they are moved to the history together, some twenty readings of a meter: and with them
 * a row stays below the kilobyte that SQLite keeps of it in one page.
 */
const LENGTH_MAX = 512;

export const isFull = (recent: RecentRecords) => recent.length >= LENGTH_MAX;

export const withRecord = (recent: RecentRecords, { changedAt, value }: HistoryRecord) =>
  `${recent.slice(0, -1)}${recent === NO_RECORDS ? "" : ","}[${changedAt},${value}]]` as RecentRecords;

/** Those from an instant on, and how many there are of them. */
export function recordsSince(recent: RecentRecords, instant: number): { recent: RecentRecords; dropped: number } {
  const records: [changedAt: number, value: unknown][] = JSON.parse(recent);
  const kept = records.filter(([changedAt]) => changedAt >= instant);
  if (kept.length === records.length) return { recent, dropped: 0 };
  return { recent: JSON.stringify(kept) as RecentRecords, dropped: records.length - kept.length };
}
