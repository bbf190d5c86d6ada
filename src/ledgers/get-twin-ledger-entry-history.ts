import { z } from "zod";
import type { UserActor } from "../kernel/actor.ts";
import { decodeCursor, encodeCursor, type Page } from "../kernel/cursor.ts";
import { durationMs } from "../kernel/duration.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { gateOf, listRequestedEntries } from "./model/accessible.ts";
import type { Entry } from "./model/entry.ts";
import { listRecords, listRecordsWithin } from "./model/history-rows.ts";
import { type LedgerPath, locateLedger } from "./model/locate-ledger.ts";
import type { HistoryRecord } from "./model/recent-records.ts";

type Range = {
  entries?: string[] | undefined;
  ge?: number | undefined;
  le?: number | undefined;
  limit: number;
  cursor?: string | undefined;
};

type HistoryOf = [name: string, records: HistoryRecord[] | null];

/** Values on one page, and their bytes; a page ends early at either. A page is built in one go. */
const PAGE_BYTES_MAX = 1024 * 1024;
const PAGE_RECORDS_MAX = 3000;

/** The entry at which a page begins, and the instant of its newest record on that page; null starts at the newest. */
const PlaceInHistory = z.tuple([z.string(), z.int().nullable()]);

/**
 * Past values of entries, newest first, for as long as each entry keeps them; null for an entry that is named but not
 * visible. Without names, all entries that keep a history (specification 2.9). Rules that read a value are evaluated
 * for each record, and other accounts see no value that was replaced before the present visibility was set.
 */
export function getTwinLedgerEntryHistory(
  reader: Reader,
  actor: UserActor,
  path: LedgerPath,
  { entries, ge, le = Number.MAX_SAFE_INTEGER, limit, cursor }: Range,
): Page<HistoryOf> {
  const ledger = locateLedger(reader, actor, path);
  const gate = gateOf(reader, actor, ledger);
  const [first, newest] = cursor ? decodeCursor("history", PlaceInHistory, cursor) : [undefined, null];
  const items: HistoryOf[] = [];
  let [bytes, count] = [PAGE_BYTES_MAX, PAGE_RECORDS_MAX];
  for (const [name, found] of listRequestedEntries(reader, ledger, entries, first)) {
    if (bytes <= 0 || count <= 0) return { items, cursor: encodeCursor("history", [name, null]) };
    const entry = found && gate.mayAccess(found) ? found : undefined;
    if (entry?.history == null) {
      if (entries) items.push([name, entry ? [] : null]);
      continue;
    }
    const shown = ledger.own ? 0 : shownSince(reader, entry);
    const from = Math.max(ge ?? 0, reader.now - durationMs(entry.history), shown, 0);
    const to = name === first && newest !== null ? Math.min(le, newest) : le;
    const range = { from, to, limit: Math.min(limit, count) };
    const { records, next } = listRecordsWithin(reader, entry, range, { bytesMax: bytes, sees: gate.recordsOf(entry) });
    items.push([name, records]);
    bytes -= records.reduce((sum, { value }) => sum + value.length, 0);
    count -= records.length;
    const oldest = records.at(-1);
    const rest = next ?? (count === 0 && range.limit < limit && oldest ? oldest.changedAt - 1 : null);
    if (rest !== null) return { items, cursor: encodeCursor("history", [name, rest]) };
  }
  return { items, cursor: null };
}

/**
 * The instant of the value that was current when the visibility was set: other accounts see that value and later ones.
 */
function shownSince(reader: Reader, entry: Entry): number {
  const since = entry.authors?.visibility?.since ?? entry.updatedAt;
  const [shown] = listRecords(reader, entry, { from: 0, to: since, limit: 1 });
  return shown?.changedAt ?? since;
}
