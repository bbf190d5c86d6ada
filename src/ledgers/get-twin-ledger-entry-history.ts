import { z } from "zod";
import type { UserActor } from "../kernel/actor.ts";
import { cursorTo, type Page, placeOf } from "../kernel/cursor.ts";
import { durationMs } from "../kernel/duration.ts";
import type { Reader } from "../store/sql.ts";
import type { Entry } from "./entry.ts";
import { listRecordsWithin } from "./history-rows.ts";
import { type Ledger, type LedgerPath, locateLedger } from "./locate-ledger.ts";
import type { HistoryRecord } from "./recent-records.ts";
import { listTouchable } from "./touchable.ts";

type Range = {
  entries?: string[] | undefined;
  ge?: number | undefined;
  le?: number | undefined;
  limit: number;
  cursor?: string | undefined;
};

type HistoryOf = [name: string, records: HistoryRecord[] | null];

/** Values on one page, and what they take: where there are more, it ends early. A page is made in one go. */
const PAGE_BYTES_MAX = 1024 * 1024;
const PAGE_RECORDS_MAX = 3000;

/** The entry at which a page begins, and the instant of its newest record there; null for whatever is the newest. */
const PlaceInHistory = z.tuple([z.string(), z.int().nullable()]);

/**
 * The values that entries have had, newest first, for as long as each keeps them; null for an entry that is named but not to be
 * seen. Without names, of all entries that keep a history (specification 2.9).
 */
export function getTwinLedgerEntryHistory(
  reader: Reader,
  actor: UserActor,
  path: LedgerPath,
  { entries, ge, le = Number.MAX_SAFE_INTEGER, limit, cursor }: Range,
): Page<HistoryOf> {
  const ledger = locateLedger(reader, actor, path);
  const [first, newest] = cursor ? placeOf("history", PlaceInHistory, cursor) : [undefined, null];
  const items: HistoryOf[] = [];
  let [bytes, count] = [PAGE_BYTES_MAX, PAGE_RECORDS_MAX];
  for (const [name, entry] of listAsked(reader, actor, ledger, entries, first)) {
    if (bytes <= 0 || count <= 0) return { items, cursor: cursorTo("history", [name, null]) };
    if (entry?.history == null) {
      items.push([name, entry ? [] : null]);
      continue;
    }
    const from = Math.max(ge ?? 0, reader.now - durationMs(entry.history), 0);
    const to = name === first && newest !== null ? Math.min(le, newest) : le;
    const range = { from, to, limit: Math.min(limit, count) };
    const { records, more } = listRecordsWithin(reader, entry, range, bytes);
    items.push([name, records]);
    bytes -= records.reduce((sum, { value }) => sum + value.length, 0);
    count -= records.length;
    const oldest = records.at(-1);
    if (oldest && (more || (count === 0 && range.limit < limit))) {
      return { items, cursor: cursorTo("history", [name, oldest.changedAt - 1]) };
    }
  }
  return { items, cursor: null };
}

/** What was asked for, from an entry on: by name what the caller may see of it. */
function listAsked(
  reader: Reader,
  actor: UserActor,
  ledger: Ledger,
  names: string[] | undefined,
  first: string | undefined,
): [name: string, entry: Entry | undefined][] {
  const touchable = listTouchable(reader, actor, ledger, names);
  if (!names) {
    return touchable
      .filter(({ history, name }) => history !== null && (first === undefined || name >= first))
      .map((entry) => [entry.name, entry]);
  }
  const byName = new Map(touchable.map((entry) => [entry.name, entry]));
  return names
    .slice(first === undefined ? 0 : Math.max(0, names.indexOf(first)))
    .map((name) => [name, byName.get(name)]);
}
