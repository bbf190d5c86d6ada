import type { UserActor } from "../kernel/actor.ts";
import { durationMs } from "../kernel/duration.ts";
import type { EntryGate } from "../policy/verdicts.ts";
import type { Reader } from "../store/sql.ts";
import type { Entry } from "./entry.ts";
import { listRecords } from "./history-rows.ts";
import { type LedgerPath, locateLedger } from "./locate-ledger.ts";
import type { HistoryRecord } from "./recent-records.ts";
import { gateOf, listAll } from "./touchable.ts";

type Range = { entries?: string[] | undefined; ge?: number | undefined; le?: number | undefined; limit: number };

/**
 * The values that entries have had, newest first, for as long as each keeps them; null for an entry that is named but not to be
 * seen. Without names, of all entries that keep a history (specification 2.9). Rules that ask for a value are asked about each, and
 * other accounts see none from before the present visibility was set.
 */
export function getTwinLedgerEntryHistory(
  reader: Reader,
  actor: UserActor,
  path: LedgerPath,
  { entries, ge, le, limit }: Range,
): [name: string, records: HistoryRecord[] | null][] {
  const ledger = locateLedger(reader, actor, path);
  const gate = gateOf(reader, actor, ledger);
  const touchable = listAll(reader, ledger, entries).filter(gate.touches);
  const recordsOf = (entry: Entry) => {
    if (entry.history === null) return [];
    const kept = reader.now - durationMs(entry.history);
    const shown = ledger.own ? 0 : shownSince(reader, entry);
    const from = Math.max(ge ?? 0, kept, shown);
    return listSeen(reader, gate, entry, { from, to: le ?? Number.MAX_SAFE_INTEGER, limit });
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

/** From the instant on at which the value came that was there when the visibility was set: that one was shown, none before it. */
function shownSince(reader: Reader, entry: Entry): number {
  const since = entry.authors?.visibility?.since ?? entry.updatedAt;
  const [shown] = listRecords(reader, entry, { from: 0, to: since, limit: 1 });
  return shown?.changedAt ?? since;
}

/** As many are read at once where few may be seen. */
const PAGE_MIN = 100;

type Window = { from: number; to: number; limit: number };

/** The newest records that the caller may see. Where rules look at each, no more of them are asked about than are answered. */
function listSeen(reader: Reader, gate: EntryGate, entry: Entry, { from, to, limit }: Window): HistoryRecord[] {
  const sees = gate.recordsOf(entry);
  if (!sees) return listRecords(reader, entry, { from, to, limit });
  const page = Math.max(limit, PAGE_MIN);
  const seen: HistoryRecord[] = [];
  for (let until = to; ; ) {
    const records = listRecords(reader, entry, { from, to: until, limit: page });
    for (const record of records) {
      if (seen.length < limit && sees(record.value)) seen.push(record);
    }
    const oldest = records.at(-1);
    if (!oldest || records.length < page || seen.length === limit) return seen;
    until = oldest.changedAt - 1;
  }
}
