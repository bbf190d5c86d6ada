import type { UserActor } from "../kernel/actor.ts";
import type { Reader } from "../store/sql.ts";
import type { Entry, Outcomes } from "./entry.ts";
import { type Ledger, type LedgerPath, locateLedger } from "./locate-ledger.ts";
import { gateOf, listAll, present } from "./touchable.ts";

type Filter = {
  entries?: string[] | undefined;
  show_references?: boolean;
  show_public?: boolean;
  show_private?: boolean;
};

/**
 * Entries of a ledger: of the caller's own those that the role lets through, of another's those that are also visible to the caller
 * (specification 2.8). What is named but not to be seen is told apart from what does not exist by nobody.
 */
export function getTwinLedgerEntry(
  reader: Reader,
  actor: UserActor,
  path: LedgerPath,
  filter: Filter,
): { own: boolean; outcomes: Outcomes<Entry> } {
  const ledger = locateLedger(reader, actor, path);
  return { own: ledger.own, outcomes: outcomesOf(reader, actor, ledger, filter) };
}

function outcomesOf(reader: Reader, actor: UserActor, ledger: Ledger, filter: Filter): Outcomes<Entry> {
  const names = filter.entries;
  const { touches, standingOver } = gateOf(reader, actor, ledger);
  const touchable = listAll(reader, ledger, names).filter(touches);
  const shown = (entry: Entry) => present(reader, standingOver(entry), entry);
  const isShown = (entry: Entry) => !ledger.own || passes(entry, filter);
  if (!names) return touchable.filter(isShown).map((entry) => [entry.name, shown(entry)]);
  const byName = new Map(touchable.map((entry) => [entry.name, entry]));
  return names.flatMap((name): Outcomes<Entry> => {
    const entry = byName.get(name);
    if (!entry) return [[name, { error: "Entry not accessible." }]];
    return isShown(entry) ? [[name, shown(entry)]] : [];
  });
}

const passes = (entry: Entry, { show_references = true, show_public = true, show_private = true }: Filter) =>
  (show_references || entry.type !== "reference") && (entry.visibility === null ? show_private : show_public);
