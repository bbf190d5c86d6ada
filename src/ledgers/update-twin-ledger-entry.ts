import { userCommand } from "../access/model/user-command.ts";
import type { UserActor } from "../kernel/actor.ts";
import { isBulkyList } from "../store/sqlite/command.ts";
import type { Tx } from "../store/sqlite/sql.ts";
import { changeEntries } from "./changes/change-entries.ts";
import { dropRecords, keepRecord, queueReferenceCopies, withValue } from "./changes/change-value.ts";
import { authorsOf } from "./model/authors.ts";
import { assertAcceptable } from "./model/check-item.ts";
import { assertMayInclude, assertSourceInOtherLedger } from "./model/check-source.ts";
import { type ChangeableEntry, type Entry, type EntryKey, ItemRefusal, type Outcomes } from "./model/entry.ts";
import { referenceQuota } from "./model/ledger-quota.ts";
import type { Ledger, LedgerPath } from "./model/locate-ledger.ts";
import { saveEntry } from "./model/rows.ts";
import type { EntryChanges, WriteOptions } from "./model/schema.ts";
import { insertPendingReference } from "./model/source-rows.ts";

type Input = { path: LedgerPath; entries: [name: string, changes: EntryChanges][]; options: WriteOptions };

/**
 * Changes values and properties of the caller's own entries; absent fields stay, null resets a property (specification
 * 2.8).
 */
export const updateTwinLedgerEntry = userCommand(
  "update_twin_ledger_entry",
  (tx, actor, { path, entries, options }: Input): Outcomes<Entry> => {
    const assertRoom = referenceQuota(tx, actor.accountId);
    return changeEntries(tx, actor, path, entries, options, {
      plan: (ledger, entry, changes) => {
        assertAcceptable(changes);
        assertTypeStays(entry, changes);
        const { source } = changes.reference ?? {};
        if (source && !isSameKey(source, entry.source)) assertRoom(source, false);
        return planned(tx, actor, ledger, entry, changes);
      },
      save: (before, plan) => save(tx, before, plan),
    });
  },
  ({ entries }) => isBulkyList(entries),
);

const isSameKey = (a: EntryKey, b: EntryKey | null) =>
  a.twinId === b?.twinId && a.accountId === b.accountId && a.name === b.name;

function assertTypeStays({ type }: Entry, { value, reference, include }: EntryChanges): void {
  if ((reference && type !== "reference") || (include && type !== "include")) {
    throw new ItemRefusal("Entry type cannot be changed.");
  }
  if (value !== undefined && type !== "value") throw new ItemRefusal("Entry value cannot be changed.");
}

/** The requested entry; the same object if at most the value changes. */
function planned(
  tx: Tx,
  actor: UserActor,
  ledger: Ledger,
  entry: ChangeableEntry,
  wish: EntryChanges,
): ChangeableEntry {
  const { visibility = entry.visibility } = wish;
  // An include has no value of its own that could be kept or published.
  const { history = entry.history, publish = entry.publish } = entry.type === "include" ? {} : wish;
  const asked = wish.reference?.source ?? (wish.include && { ...wish.include.source, accountId: ledger.accountId });
  // Sending back the present source changes nothing: otherwise it would gain the rights of the user who happens to send
  // it.
  const source = asked && entry.source && isSameKey(asked, entry.source) ? entry.source : asked;
  const isNewSource = source !== undefined && source !== entry.source;
  if (isNewSource) assertSourceInOtherLedger(ledger, source);
  if (isNewSource && wish.include) assertMayInclude(tx, actor, source);
  const include = entry.type === "include" && (isNewSource || "again");
  const after: ChangeableEntry = {
    ...entry,
    value: wish.value ?? entry.value,
    visibility,
    history,
    publish,
    source: source ?? entry.source,
    reference:
      isNewSource && entry.reference ? { status: "not_found", hops: 0, addedBy: actor.userId } : entry.reference,
    authors: authorsOf(tx, actor, entry, { visibility, publish, include }),
  };
  return hasSameProperties(entry, after) ? after : { ...after, updatedAt: tx.now };
}

const hasSameProperties = (a: Entry, b: Entry) =>
  a.visibility === b.visibility && a.history === b.history && a.publish === b.publish && a.source === b.source;

function save(tx: Tx, before: ChangeableEntry, plan: ChangeableEntry): ChangeableEntry {
  let after: ChangeableEntry = { ...plan, value: before.value };
  if (after.history === null && before.history !== null) after = dropRecords(tx, after);
  after = withValue(tx, after, plan.value);
  const isValueNew = after.valueChangedAt !== before.valueChangedAt;
  if (after.history !== null && before.history === null && !isValueNew) after = keepRecord(tx, after);
  if (!isValueNew && hasSameProperties(before, after)) return before;
  saveEntry(tx, after);
  const isReferenceNew = after.reference !== before.reference;
  // The status changes now, not only when it is copied: a copy that stays equal would not update the references to it.
  if (isValueNew || isReferenceNew || after.visibility !== before.visibility) queueReferenceCopies(tx, after);
  if (isReferenceNew) insertPendingReference(tx, after);
  return after;
}
