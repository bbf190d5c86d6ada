import { z } from "zod";
import type { UserActor } from "../kernel/actor.ts";
import { cursorTo, placeOf } from "../kernel/cursor.ts";
import type { Reader } from "../store/sql.ts";
import type { Entry, Outcomes } from "./entry.ts";
import { type Ledger, type LedgerPath, locateLedger } from "./locate-ledger.ts";
import { listTouchable, present } from "./touchable.ts";

type Filter = {
  entries?: string[] | undefined;
  show_references?: boolean;
  show_public?: boolean;
  show_private?: boolean;
  cursor?: string | undefined;
};

/** Bytes of values on one page, after which it ends: includes and references may have much longer ones than a ledger has room for. */
const PAGE_BYTES_MAX = 1024 * 1024;

/**
 * Entries of a ledger: of the caller's own those that the role lets through, of another's those that are also visible to the caller
 * (specification 2.8). What is named but not to be seen is told apart from what does not exist by nobody.
 */
export function getTwinLedgerEntry(
  reader: Reader,
  actor: UserActor,
  path: LedgerPath,
  filter: Filter,
): { own: boolean; outcomes: Outcomes<Entry>; cursor: string | null } {
  const ledger = locateLedger(reader, actor, path);
  const first = filter.cursor ? placeOf("ledger", z.string(), filter.cursor) : undefined;
  const asked = listAsked(reader, actor, ledger, filter, first);
  const outcomes: Outcomes<Entry> = [];
  let bytes = 0;
  for (const [name, entry] of asked) {
    if (bytes >= PAGE_BYTES_MAX) return { own: ledger.own, outcomes, cursor: cursorTo("ledger", name) };
    const shown = entry && present(reader, entry);
    bytes += shown?.value.length ?? 0;
    outcomes.push([name, shown ?? { error: "Entry not accessible." }]);
  }
  return { own: ledger.own, outcomes, cursor: null };
}

/** What was asked for, from an entry on: by name what the caller may see of it. */
function listAsked(
  reader: Reader,
  actor: UserActor,
  ledger: Ledger,
  filter: Filter,
  first: string | undefined,
): [name: string, entry: Entry | undefined][] {
  const names = filter.entries;
  const touchable = listTouchable(reader, actor, ledger, names);
  const isShown = (entry: Entry) => !ledger.own || passes(entry, filter);
  if (!names) {
    const shown = first === undefined ? touchable : touchable.filter(({ name }) => name >= first);
    return shown.filter(isShown).map((entry) => [entry.name, entry]);
  }
  const byName = new Map(touchable.map((entry) => [entry.name, entry]));
  return names
    .slice(first === undefined ? 0 : Math.max(0, names.indexOf(first)))
    .map((name): [string, Entry | undefined] => [name, byName.get(name)])
    .filter(([, entry]) => !entry || isShown(entry));
}

const passes = (entry: Entry, { show_references = true, show_public = true, show_private = true }: Filter) =>
  (show_references || entry.type !== "reference") && (entry.visibility === null ? show_private : show_public);
