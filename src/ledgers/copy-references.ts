import { findActor } from "../access/credential-rows.ts";
import { permits } from "../access/statement.ts";
import { SYSTEM } from "../kernel/actor.ts";
import { mayTouchTwin } from "../policy/verdicts.ts";
import { command } from "../store/command.ts";
import type { Reader, Tx } from "../store/sql.ts";
import { findTwin } from "../twins/rows.ts";
import { announce, withValue } from "./change-value.ts";
import { type ChangeableEntry, type Entry, type EntryKey, NULL, type ReferenceStatus } from "./entry.ts";
import { recordEntries } from "./record-entries.ts";
import { findChangeable, findEntry, listReferences, saveEntry } from "./rows.ts";
import { findChangedSource, finishWalk, savePosition, takePendingReferences } from "./source-rows.ts";
import { gateOf } from "./touchable.ts";

/** References of references and so on are followed this far (specification 2.8). */
const HOPS_MAX = 8;

/**
 * Copies at most `limit` references whose source has changed, or that are new, and answers how many were looked at. One whose copy
 * changes has those that refer to it copied next; one that stays as it was ends the chain, so loops come to rest.
 */
export const copyReferences = command("copy_references", (tx, _actor, { limit }: { limit: number }) => {
  const pending = takePendingReferences(tx, limit);
  for (const key of pending) {
    const entry = findChangeable(tx, key);
    if (entry?.reference) copyReference(tx, entry);
  }
  if (pending.length === limit) return { done: limit, more: true };

  const source = findChangedSource(tx);
  if (!source) return { done: pending.length, more: false };
  const room = limit - pending.length;
  const references = listReferences(tx, source, source.position, room);
  for (const entry of references) copyReference(tx, entry);
  const last = references.at(-1);
  if (last && references.length === room) savePosition(tx, source, last);
  else finishWalk(tx, source);
  return { done: pending.length + references.length, more: true };
});

type Copy = { status: ReferenceStatus; hops: number; value: Entry["value"] };

function copyReference(tx: Tx, entry: ChangeableEntry): void {
  const { status, hops, value } = copyOf(tx, entry);
  const { reference } = entry;
  if (!reference) return;
  const after = withValue(tx, { ...entry, reference: { ...reference, status, hops } }, value);
  const unchanged = after.value === entry.value && status === reference.status && hops === reference.hops;
  if (unchanged) return;
  saveEntry(tx, after);
  announce(tx, after);
  recordEntries(tx, SYSTEM, "updated", entry, [{ before: entry, after }]);
}

/** What a reference comes to now. Without an `ok` there is no value. */
function copyOf(reader: Reader, entry: Entry): Copy {
  const { status, hops } = follow(reader, entry);
  if (status !== "ok") return { status, hops, value: NULL };
  const source = findReadable(reader, entry);
  if (!source) return { status: "not_found", hops, value: NULL };
  // A link further down may be broken by the rights of whoever added it.
  if (source.reference && source.reference.status !== "ok")
    return { status: source.reference.status, hops, value: NULL };
  return { status: "ok", hops, value: source.value };
}

/**
 * Walks from source to source until one has a value of its own. How far it came is told whatever it met: who refers to the entry is
 * one further away, and has to hear of it when this changes.
 */
function follow(reader: Reader, entry: Entry): { status: ReferenceStatus; hops: number } {
  const seen = new Set([keyOf(entry)]);
  let next = entry.source;
  for (let hops = 1; next; hops++) {
    if (seen.has(keyOf(next))) return { status: "loop_detected", hops };
    if (hops > HOPS_MAX) return { status: "too_many_hops", hops: HOPS_MAX + 1 };
    seen.add(keyOf(next));
    const source = findEntry(reader, next);
    // An include has no changes of its own, so a copy of one would grow old unnoticed.
    if (!source || source.type === "include") return { status: "not_found", hops };
    if (!source.reference) return { status: "ok", hops };
    next = source.source;
  }
  return { status: "not_found", hops: 0 };
}

/** The source, if whoever added the reference may read it now (specification 2.8). */
function findReadable(reader: Reader, { source, reference }: Entry): Entry | undefined {
  const actor = reference && findActor(reader, reference.addedBy);
  const entry = source && findEntry(reader, source);
  const twin = source && findTwin(reader, source.twinId);
  if (!actor?.statement || !entry || !twin) return undefined;
  const { statement } = actor;
  const reads = ["get_twin_ledger_entry", "get_twin_ledger_entry_value"] as const;
  if (!reads.some((action) => permits(statement, action)) || !mayTouchTwin(reader, actor, twin)) return undefined;
  const ledger = { ...source, own: source.accountId === actor.accountId, twin: () => twin };
  return gateOf(reader, actor, ledger).touches(entry) ? entry : undefined;
}

const keyOf = ({ twinId, accountId, name }: EntryKey) => `${twinId} ${accountId} ${name}`;
