import type { UserActor } from "../../kernel/actor.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { assertAccessible, gateOf, listAllChangeable, present } from "../model/accessible.ts";
import { conditionsOf } from "../model/check-item.ts";
import {
  assertWhole,
  type ChangeableEntry,
  type Entry,
  ItemRefusal,
  isRefused,
  type Outcomes,
  settle,
} from "../model/entry.ts";
import { type Ledger, type LedgerPath, locateOwnLedger } from "../model/locate-ledger.ts";
import type { WriteOptions } from "../model/schema.ts";
import { assertLedgerSize, type Change, recordEntries } from "./record-entries.ts";

type Steps<Wish> = {
  /** Returns the entry as requested, or throws a refusal; writes nothing yet. */
  plan: (ledger: Ledger, entry: ChangeableEntry, wish: Wish) => ChangeableEntry;
  /** Writes the entry and returns it as written; returns `before` itself if nothing has changed. */
  save: (before: ChangeableEntry, planned: ChangeableEntry) => ChangeableEntry;
};

/**
 * What all operations that change entries share: own ledger only, rules, conditions, all or nothing, the size limit,
 * one journal row.
 */
export function changeEntries<Wish>(
  tx: Tx,
  actor: UserActor,
  path: LedgerPath,
  wishes: [name: string, wish: Wish][],
  options: WriteOptions,
  { plan, save }: Steps<Wish>,
): Outcomes<Entry> {
  const ledger = locateOwnLedger(tx, actor, path);
  const names = wishes.map(([name]) => name);
  const gate = gateOf(tx, actor, ledger);
  const assertCondition = conditionsOf(tx, actor, ledger, options);
  const known = listAllChangeable(tx, ledger, names).filter(gate.mayAccess);
  const byName = new Map(known.map((entry) => [entry.name, entry]));
  const planned = wishes.map(([name, wish]): Outcomes<ChangeableEntry>[number] => [
    name,
    settle(() => {
      const entry = byName.get(name);
      if (!entry) throw new ItemRefusal("Entry not accessible.");
      assertCondition(name, entry);
      const after = plan(ledger, entry, wish);
      assertAccessible(gate, after);
      return after;
    }),
  ]);
  assertWhole(planned, options.transaction);

  const changes: Change[] = [];
  let bytesGrew = false;
  const outcomes = planned.map(([name, outcome]): Outcomes<Entry>[number] => {
    if (isRefused(outcome)) return [name, outcome];
    const before = byName.get(name) as ChangeableEntry;
    const after = save(before, outcome);
    if (before !== after) changes.push({ before, after });
    bytesGrew ||= bytesOf(after) > bytesOf(before);
    return [name, present(tx, actor, after)];
  });
  if (bytesGrew) assertLedgerSize(tx, ledger);
  recordEntries(tx, actor, "updated", ledger, changes);
  return outcomes;
}

const bytesOf = ({ value, visibility, publish }: Entry) =>
  value.length + (visibility?.length ?? 0) + (publish?.length ?? 0);
