import { userCommand } from "../access/user-command.ts";
import { announce } from "./change-value.ts";
import { conditionsOf } from "./check-item.ts";
import { assertWhole, type Entry, ItemRefusal, type Outcomes, settle } from "./entry.ts";
import { type LedgerPath, locateOwnLedger } from "./locate-ledger.ts";
import { doneOf, recordEntries } from "./record-entries.ts";
import { deleteEntryRow } from "./rows.ts";
import type { WriteOptions } from "./schema.ts";
import { gateOf, listAll, present } from "./touchable.ts";

type Input = { path: LedgerPath; names: string[] | undefined; options: WriteOptions };

/** Deletes entries of the caller's own ledger with their history, all that the caller may touch if none is named, and answers them as they were. */
export const deleteTwinLedgerEntry = userCommand(
  "delete_twin_ledger_entry",
  (tx, actor, { path, names, options }: Input): Outcomes<Entry> => {
    const ledger = locateOwnLedger(tx, actor, path);
    const assertCondition = conditionsOf(tx, actor, ledger, options);
    const known = listAll(tx, ledger, names).filter(gateOf(tx, actor, ledger).touches);
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
    const deleted = doneOf(outcomes);
    for (const entry of deleted) {
      deleteEntryRow(tx, entry);
      announce(tx, entry);
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
);
