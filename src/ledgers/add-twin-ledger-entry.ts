import { userCommand } from "../access/model/user-command.ts";
import type { UserActor } from "../kernel/actor.ts";
import { isBulkyList } from "../store/sqlite/command.ts";
import type { Tx } from "../store/sqlite/sql.ts";
import { keepRecord, queueReferenceCopies } from "./changes/change-value.ts";
import { assertLedgerSize, notRefusedOf, recordEntries } from "./changes/record-entries.ts";
import { assertAccessible, gateOf, listLedgerEntries, present } from "./model/accessible.ts";
import { authorsOf } from "./model/authors.ts";
import { assertAcceptable, conditionsOf } from "./model/check-item.ts";
import { assertMayInclude, assertSourceInOtherLedger } from "./model/check-source.ts";
import {
  assertWhole,
  type ChangeableEntry,
  type Entry,
  ItemRefusal,
  NULL,
  type Outcomes,
  settle,
} from "./model/entry.ts";
import { includeQuota, referenceQuota } from "./model/ledger-quota.ts";
import { type Ledger, type LedgerPath, locateOwnLedger } from "./model/locate-ledger.ts";
import { NO_RECORDS } from "./model/recent-records.ts";
import { insertEntry } from "./model/rows.ts";
import type { EntryChanges, WriteOptions } from "./model/schema.ts";
import { insertPendingReference } from "./model/source-rows.ts";

type Input = { path: LedgerPath; entries: [name: string, wish: EntryChanges][]; options: WriteOptions };

/**
 * Adds entries to the caller's own ledger. One that exists stays as it is, and only that item is refused, unless
 * `transaction` says all or nothing.
 */
export const addTwinLedgerEntry = userCommand(
  "add_twin_ledger_entry",
  (tx, actor, { path, entries, options }: Input): Outcomes<Entry> => {
    const ledger = locateOwnLedger(tx, actor, path);
    const gate = gateOf(tx, actor, ledger);
    const assertCondition = conditionsOf(tx, actor, ledger, options);
    const assertRoom = referenceQuota(tx, ledger.accountId);
    const assertRoomForInclude = includeQuota(tx, ledger);
    const names = entries.map(([name]) => name);
    const known = new Set(listLedgerEntries(tx, ledger, names).map(({ name }) => name));
    const outcomes = entries.map(([name, wish]): Outcomes<ChangeableEntry>[number] => [
      name,
      settle(() => {
        if (known.has(name)) throw new ItemRefusal("Entry already exists.");
        assertAcceptable(wish);
        assertCondition(name, undefined);
        const entry = newEntry(tx, actor, ledger, name, wish);
        assertAccessible(gate, entry);
        if (entry.reference && entry.source) assertRoom(entry.source, true);
        if (entry.type === "include") assertRoomForInclude();
        return entry;
      }),
    ]);
    assertWhole(outcomes, options.transaction);
    const added = notRefusedOf(outcomes);
    for (const entry of added) save(tx, entry);
    assertLedgerSize(tx, ledger);
    recordEntries(
      tx,
      actor,
      "added",
      ledger,
      added.map((after) => ({ after })),
    );
    return outcomes.map(([name, outcome]) => [name, "error" in outcome ? outcome : present(tx, actor, outcome)]);
  },
  ({ entries }) => isBulkyList(entries),
);

function newEntry(tx: Tx, actor: UserActor, ledger: Ledger, name: string, wish: EntryChanges): ChangeableEntry {
  const source = wish.reference?.source ?? (wish.include && { ...wish.include.source, accountId: ledger.accountId });
  if (source) assertSourceInOtherLedger(ledger, source);
  if (wish.include && source) assertMayInclude(tx, actor, source);
  const include = wish.include !== undefined;
  const publish = include ? null : (wish.publish ?? null);
  const visibility = wish.visibility ?? null;
  return {
    twinId: ledger.twinId,
    accountId: ledger.accountId,
    name,
    type: wish.reference ? "reference" : wish.include ? "include" : "value",
    value: wish.value ?? NULL,
    visibility,
    // An include has no value of its own that could be kept or published.
    history: include ? null : (wish.history ?? null),
    publish,
    source: source ?? null,
    reference: wish.reference ? { status: "not_found", hops: 0, addedBy: actor.userId } : null,
    authors: authorsOf(tx, actor, undefined, { visibility, publish, include }),
    recordCount: 0,
    recent: NO_RECORDS,
    referredTo: false,
    createdAt: tx.now,
    updatedAt: tx.now,
    valueChangedAt: tx.now,
  };
}

function save(tx: Tx, entry: ChangeableEntry): void {
  insertEntry(tx, keepRecord(tx, entry));
  queueReferenceCopies(tx, entry);
  if (entry.type === "reference") insertPendingReference(tx, entry);
}
