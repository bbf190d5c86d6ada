import type { UserActor } from "../kernel/actor.ts";
import { durationMs } from "../kernel/duration.ts";
import type { Reader } from "../store/sql.ts";
import type { Entry } from "./entry.ts";
import { listRecords } from "./history-rows.ts";
import { type LedgerPath, locateLedger } from "./locate-ledger.ts";
import type { HistoryRecord } from "./recent-records.ts";
import { listTouchable } from "./touchable.ts";

type Range = { entries?: string[] | undefined; ge?: number | undefined; le?: number | undefined; limit: number };

/**
 * The values that entries have had, newest first, for as long as each keeps them; null for an entry that is named but not to be
 * seen. Without names, of all entries that keep a history (specification 2.9).
 */
export function getTwinLedgerEntryHistory(
  reader: Reader,
  actor: UserActor,
  path: LedgerPath,
  { entries, ge, le, limit }: Range,
): [name: string, records: HistoryRecord[] | null][] {
  const ledger = locateLedger(reader, actor, path);
  const touchable = listTouchable(reader, actor, ledger, entries);
  const recordsOf = (entry: Entry) => {
    if (entry.history === null) return [];
    const kept = reader.now - durationMs(entry.history);
    return listRecords(reader, entry, { from: Math.max(ge ?? 0, kept, 0), to: le ?? Number.MAX_SAFE_INTEGER, limit });
  };
  if (!entries) {
    return touchable.filter(({ history }) => history !== null).map((entry) => [entry.name, recordsOf(entry)]);
  }
  const byName = new Map(touchable.map((entry) => [entry.name, entry]));
  return entries.map((name) => {
    const entry = byName.get(name);
    return [name, entry ? recordsOf(entry) : null];
  });
}
