import { userCommand } from "../access/model/user-command.ts";
import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import { writeInParts } from "../kernel/fairness/parts.ts";
import { isBulkyList } from "../store/sqlite/command.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { queueReferenceCopies } from "./changes/change-value.ts";
import { notRefusedOf, recordEntries } from "./changes/record-entries.ts";
import { assertOneTransaction } from "./changes/write-entries.ts";
import { listAccessible, present } from "./model/accessible.ts";
import { conditionsOf } from "./model/check-item.ts";
import { assertWhole, type Entry, ItemRefusal, type Outcomes, settle } from "./model/entry.ts";
import { type LedgerPath, locateLedger, locateOwnLedger } from "./model/locate-ledger.ts";
import { deleteEntryRow } from "./model/rows.ts";
import type { WriteOptions } from "./model/schema.ts";

type Input = { path: LedgerPath; names: string[] | undefined; options: WriteOptions };

/** Deletes any number of entries; if none is named, all that the caller may access at this moment. */
export async function deleteTwinLedgerEntries(deps: Deps, actor: UserActor, input: Input): Promise<Outcomes<Entry>> {
  const { path, options } = input;
  const names = input.names ?? deps.store.read((reader) => listNames(reader, actor, path));
  if (options.transaction) assertOneTransaction(names.length);
  if (options.transaction || names.length === 0) return deps.store.write(deleteTwinLedgerEntry, actor, input);
  return writeInParts<string, Outcomes<Entry>[number]>({
    items: names,
    weightOf: () => 1,
    write: (part) => deps.store.write(deleteTwinLedgerEntry, actor, { path, names: part, options }),
    refuse: (name, error) => [name, { error }],
  });
}

/** Only finds the names; each part checks access again. */
function listNames(reader: Reader, actor: UserActor, path: LedgerPath): string[] {
  const ledger = locateLedger(reader, actor, path);
  return ledger.own ? listAccessible(reader, actor, ledger).map(({ name }) => name) : [];
}

/**
 * Deletes entries of the caller's own ledger with their history, all accessible ones if none is named, and returns
 * their last state.
 */
export const deleteTwinLedgerEntry = userCommand(
  "delete_twin_ledger_entry",
  (tx, actor, { path, names, options }: Input): Outcomes<Entry> => {
    const ledger = locateOwnLedger(tx, actor, path);
    const assertCondition = conditionsOf(tx, actor, ledger, options);
    const known = listAccessible(tx, actor, ledger, names);
    const byName = new Map(known.map((entry) => [entry.name, entry]));
    const outcomes = (names ?? [...byName.keys()]).map((name): Outcomes<Entry>[number] => [
      name,
      settle(() => {
        const entry = byName.get(name);
        if (!entry) throw new ItemRefusal("Entry not accessible.");
        assertCondition(name, entry);
        return present(tx, actor, entry);
      }),
    ]);
    assertWhole(outcomes, options.transaction);
    const deleted = notRefusedOf(outcomes);
    for (const entry of deleted) {
      deleteEntryRow(tx, entry);
      queueReferenceCopies(tx, entry);
    }
    recordEntries(
      tx,
      actor,
      "deleted",
      ledger,
      deleted.map((before) => ({ before })),
    );
    return outcomes;
  },
  ({ names }) => isBulkyList(names),
);
