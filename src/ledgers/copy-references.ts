import { findActor } from "../access/model/credential-rows.ts";
import { permits } from "../access/model/statement.ts";
import type { Job } from "../deps.ts";
import { SYSTEM } from "../kernel/actor.ts";
import { stopwatchMs } from "../kernel/clock.ts";
import { DomainError } from "../kernel/failure.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { stepBudget, withBudget } from "../policy/scope.ts";
import { mayAccessTwin } from "../policy/verdicts.ts";
import { command } from "../store/sqlite/command.ts";
import type { Reader, Tx } from "../store/sqlite/sql.ts";
import { findTwin } from "../twins/rows.ts";
import { queueReferenceCopies, withValue } from "./changes/change-value.ts";
import { recordEntries } from "./changes/record-entries.ts";
import { gateOf } from "./model/accessible.ts";
import { type ChangeableEntry, type Entry, type EntryKey, NULL, type ReferenceStatus } from "./model/entry.ts";
import { findChangeable, findEntry, ledgerBytes, listReferences, saveEntry } from "./model/rows.ts";
import {
  deletePendingReference,
  findWaiting,
  findWalk,
  finishWalk,
  listPendingReferences,
  queueWalksOfChange,
  REFERENCES_TOPIC,
  savePosition,
} from "./model/source-rows.ts";

/** References that one command copies at most. Each costs more than other rows: it walks its sources and evaluates rules. */
const SLICE = 100;
/** How long an account's turn takes. */
const TURN_MS = 3;
/** Chains of references are followed this far (specification 2.8). */
const HOPS_MAX = 8;

/** Accounts queued for one change in one command: each is a row of a few columns. */
const SPREAD_MAX = 50;
/** Steps of the rules that decide whether one source may be read. */
const STEPS_MAX = 50_000;
/** Size of a ledger including the copies in it. What an account writes itself is limited to much less. */
export const COPIES_BYTES_MAX = 1024 * 1024;
/** A copy up to this size always fits: a ledger has room for some 600 references. */
const SHORT_BYTES = 1024;

type Input = {
  /** The account that was served last; the next waiting one after it is served now. */
  after?: string;
  limit: number;
  /** Time limit; at least one reference is copied. */
  ms?: number;
};

/**
 * Copies new references of one account, and those whose source has changed: at most `limit`, and until `ms` have
 * passed. Accounts take turns, so one account's copies delay another's by one turn at most. Returns how many references
 * were examined, and of which account. A changed copy queues the references to it; an unchanged one ends the chain, so
 * loops come to rest.
 */
export const copyReferences = command("copy_references", (tx, _actor, { after = "", limit, ms }: Input) => {
  const accountId = findWaiting(tx, after) ?? findWaiting(tx, "");
  if (accountId === undefined) return { done: 0, more: false, after: "" };
  const began = stopwatchMs();
  const isOver = () => ms !== undefined && stopwatchMs() - began >= ms;
  queueWalks(tx, accountId, isOver);
  const done = copyPending(tx, accountId, limit, isOver);
  const walked = copyChanged(tx, accountId, limit - done, isOver);
  return { done: done + walked, more: findWaiting(tx, "") !== undefined, after: accountId };
});

/** Woken by each change of a source; the schedule catches a lost wake-up. Accounts take turns of equal length. */
export function copyReferencesJob(): Job {
  let after = "";
  return {
    name: "copy_references",
    schedule: "7 */6 * * *",
    wokenBy: REFERENCES_TOPIC,
    run: async ({ store }) => {
      const slice = await store.write(copyReferences, SYSTEM, { after, limit: SLICE, ms: TURN_MS });
      after = slice.after;
      return { done: slice.done, more: slice.more };
    },
  };
}

function queueWalks(tx: Tx, accountId: string, isOver: () => boolean): void {
  for (let left = SPREAD_MAX; left > 0 && !isOver(); ) {
    const queued = queueWalksOfChange(tx, accountId, left);
    if (queued === undefined) return;
    left -= Math.max(1, queued);
  }
}

function copyPending(tx: Tx, accountId: string, limit: number, isOver: () => boolean): number {
  let done = 0;
  for (const { sequence, key } of listPendingReferences(tx, accountId, limit)) {
    if (done > 0 && isOver()) break;
    const entry = findChangeable(tx, key);
    if (entry?.reference) copyReference(tx, entry);
    deletePendingReference(tx, sequence);
    done++;
  }
  return done;
}

/** Runs the walk that has waited longest, or a part of it. */
function copyChanged(tx: Tx, accountId: string, limit: number, isOver: () => boolean): number {
  const walk = limit > 0 ? findWalk(tx, accountId) : undefined;
  if (!walk || isOver()) return 0;
  const references = listReferences(tx, walk.source, accountId, walk.position, limit);
  let done = 0;
  for (const entry of references) {
    if (done > 0 && isOver()) break;
    copyReference(tx, entry);
    done++;
  }
  const last = references[done - 1];
  if (last && (done < references.length || done === limit)) savePosition(tx, walk, last);
  else finishWalk(tx, walk);
  return done;
}

type Copy = { status: ReferenceStatus; hops: number; value: Entry["value"] };

function copyReference(tx: Tx, entry: ChangeableEntry): void {
  const { status, hops, value } = copyOf(tx, entry);
  const { reference } = entry;
  if (!reference) return;
  const after = withValue(tx, { ...entry, reference: { ...reference, status, hops } }, value);
  const unchanged = after.value === entry.value && status === reference.status && hops === reference.hops;
  if (unchanged) return;
  saveEntry(tx, after);
  queueReferenceCopies(tx, after);
  recordEntries(tx, SYSTEM, "updated", entry, [{ before: entry, after }]);
}

/** What a reference should contain now. Without `ok` it has no value. */
function copyOf(reader: Reader, entry: Entry): Copy {
  const { status, hops } = follow(reader, entry);
  if (status !== "ok") return { status, hops, value: NULL };
  const source = findReadable(withBudget(reader, stepBudget(STEPS_MAX)), entry);
  if (!source) return { status: "not_found", hops, value: NULL };
  // A reference further down may have lost its value because its author lost the right.
  if (source.reference && source.reference.status !== "ok")
    return { status: source.reference.status, hops, value: NULL };
  if (!fits(reader, entry, source.value)) return { status: "not_found", hops, value: NULL };
  return { status: "ok", hops, value: source.value };
}

/** Whether the ledger has room for this new value of one of its references. */
function fits(reader: Reader, { twinId, accountId, value: before }: Entry, value: JsonText): boolean {
  if (value.length <= SHORT_BYTES || value === before) return true;
  return ledgerBytes(reader, twinId, accountId) - before.length + Buffer.byteLength(value) <= COPIES_BYTES_MAX;
}

/**
 * Follows the sources until one has a value of its own. Returns the number of hops for every outcome: references to
 * this entry are one hop further away, and must be updated when the number changes.
 */
function follow(reader: Reader, entry: Entry): { status: ReferenceStatus; hops: number } {
  const seen = new Set([keyOf(entry)]);
  let next = entry.source;
  for (let hops = 1; next; hops++) {
    if (seen.has(keyOf(next))) return { status: "loop_detected", hops };
    if (hops > HOPS_MAX) return { status: "too_many_hops", hops: HOPS_MAX + 1 };
    seen.add(keyOf(next));
    const source = findEntry(reader, next);
    // An include has no change events of its own, so a copy of one would become stale.
    if (!source || source.type === "include") return { status: "not_found", hops };
    if (!source.reference) return { status: "ok", hops };
    next = source.source;
  }
  return { status: "not_found", hops: 0 };
}

/** The source, if the user who added the reference may read it now (specification 2.8). */
function findReadable(reader: Reader, { source, reference }: Entry): Entry | undefined {
  const actor = reference && findActor(reader, reference.addedBy);
  const entry = source && findEntry(reader, source);
  const twin = source && findTwin(reader, source.twinId);
  if (!actor?.statement || !entry || !twin) return undefined;
  const { statement } = actor;
  const reads = ["get_twin_ledger_entry", "get_twin_ledger_entry_value"] as const;
  if (!reads.some((action) => permits(statement, action))) return undefined;
  const ledger = { ...source, own: source.accountId === actor.accountId, twin: () => twin };
  try {
    return mayAccessTwin(reader, actor, twin) && gateOf(reader, actor, ledger).mayAccess(entry) ? entry : undefined;
  } catch (error) {
    // Rules that take too many steps count as false: failing the command would block all accounts' references.
    if (error instanceof DomainError && error.failure.code === "limited") return undefined;
    throw error;
  }
}

const keyOf = ({ twinId, accountId, name }: EntryKey) => `${twinId} ${accountId} ${name}`;
