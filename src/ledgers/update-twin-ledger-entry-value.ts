import { userCommand } from "../access/model/user-command.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { isBulkyList } from "../store/sqlite/command.ts";
import { changeEntries } from "./changes/change-entries.ts";
import { queueReferenceCopies, withValue } from "./changes/change-value.ts";
import { type Entry, ItemRefusal, type Outcomes } from "./model/entry.ts";
import type { LedgerPath } from "./model/locate-ledger.ts";
import { saveValue } from "./model/rows.ts";
import type { WriteOptions } from "./model/schema.ts";

type Wish = { value: JsonText };
type Input = { path: LedgerPath; entries: [name: string, wish: Wish][]; options: WriteOptions };

/** Changes only values, of the caller's own value entries, so that a role can permit just that (specification 2.8). */
export const updateTwinLedgerEntryValue = userCommand(
  "update_twin_ledger_entry_value",
  (tx, actor, { path, entries, options }: Input): Outcomes<Entry> =>
    changeEntries(tx, actor, path, entries, options, {
      plan: (_ledger, entry, { value }) => {
        if (entry.type !== "value") throw new ItemRefusal("Entry value cannot be changed.");
        return { ...entry, value };
      },
      save: (before, plan) => {
        const after = withValue(tx, before, plan.value);
        if (after === before) return before;
        saveValue(tx, after);
        // Changing values adds no references, so the flag that was read before is still right.
        if (before.referredTo) queueReferenceCopies(tx, after);
        return after;
      },
    }),
  ({ entries }) => isBulkyList(entries),
);
