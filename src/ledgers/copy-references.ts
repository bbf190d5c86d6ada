import { findActor } from "../access/model/credential-rows.ts";
import { permits } from "../access/model/statement.ts";
import type { Job } from "../deps.ts";
import { SYSTEM } from "../kernel/actor.ts";
import { stopwatchMs } from "../kernel/clock.ts";
import { DomainError } from "../kernel/failure.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { metered, stepBudget } from "../policy/scope.ts";
import { mayTouchTwin } from "../policy/verdicts.ts";
import { command } from "../store/sqlite/command.ts";
import type { Reader, Tx } from "../store/sqlite/sql.ts";
import { findTwin } from "../twins/rows.ts";
import { announce, withValue } from "./changes/change-value.ts";
import { recordEntries } from "./changes/record-entries.ts";
import { type ChangeableEntry, type Entry, type EntryKey, NULL, type ReferenceStatus } from "./model/entry.ts";
import { findChangeable, findEntry, ledgerBytes, listReferences, saveEntry } from "./model/rows.ts";
import {
  deletePendingReference,
  findWaiting,
  findWalk,
  finishWalk,
  listPendingReferences,
  REFERENCES_TOPIC,
  savePosition,
  spreadChange,
} from "./model/source-rows.ts";
import { gateOf } from "./model/touchable.ts";

/** A reference is looked at by walking its sources and asking rules: dearer than other rows. */
const SLICE = 100;
/** An account's turn takes this long. */
const TURN_MS = 3;
/** References of references and so on are followed this far (specification 2.8). */
const HOPS_MAX = 8;

/** Accounts that are told of a change in one command: rows of a few columns. */
const SPREAD_MAX = 50;
/** What the rules may take that tell whether one source may be read. */
const STEPS_MAX = 50_000;
/** What a ledger may take with all that is copied into it. What an account enters itself is bounded far below. */
export const COPIES_BYTES_MAX = 1024 * 1024;
/** A shorter copy always fits: a ledger has room for some 600 references. */
const SHORT_BYTES = 1024;

type Input = {
  /** The account that was served last; the next one behind it that waits is served now. */
  after?: string;
  limit: number;
  /** So long it is at work, if nothing else ends it. */
  ms?: number;
};

/**
 * Copies references of one account whose source has changed, or that are new: at most `limit`, and until `ms` have passed. Accounts take turns,
 * so what one has to be copied delays another's by no more than a turn. Returns how many were looked at, and whose. One whose copy changes
 * has those that refer to it copied next; one that stays as it was ends the chain, so loops come to rest.
 */
export const copyReferences = command("copy_references", (tx, _actor, { after = "", limit, ms }: Input) => {
  const accountId = findWaiting(tx, after) ?? findWaiting(tx, "");
  if (accountId === undefined) return { done: 0, more: false, after: "" };
  const began = stopwatchMs();
  const isOver = () => ms !== undefined && stopwatchMs() - began >= ms;
  tellAccounts(tx, accountId, isOver);
  const done = copyPending(tx, accountId, limit, isOver);
  const walked = copyChanged(tx, accountId, limit - done, isOver);
  return { done: done + walked, more: findWaiting(tx, "") !== undefined, after: accountId };
});

/** Woken by each change of a source; the schedule is a net. Accounts take turns, each of the same time. */
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

function tellAccounts(tx: Tx, accountId: string, isOver: () => boolean): void {
  for (let left = SPREAD_MAX; left > 0 && !isOver(); ) {
    const told = spreadChange(tx, accountId, left);
    if (told === undefined) return;
    left -= Math.max(1, told);
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

/** The walk that has waited the longest, or a part of it. */
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
  announce(tx, after);
  recordEntries(tx, SYSTEM, "updated", entry, [{ before: entry, after }]);
}

/** What a reference comes to now. Without an `ok` there is no value. */
function copyOf(reader: Reader, entry: Entry): Copy {
  const { status, hops } = follow(reader, entry);
  if (status !== "ok") return { status, hops, value: NULL };
  const source = findReadable(metered(reader, stepBudget(STEPS_MAX)), entry);
  if (!source) return { status: "not_found", hops, value: NULL };
  // A link further down may be broken by the rights of whoever added it.
  if (source.reference && source.reference.status !== "ok")
    return { status: source.reference.status, hops, value: NULL };
  if (!fits(reader, entry, source.value)) return { status: "not_found", hops, value: NULL };
  return { status: "ok", hops, value: source.value };
}

/** Whether a ledger has room for another value of a reference of it. */
function fits(reader: Reader, { twinId, accountId, value: before }: Entry, value: JsonText): boolean {
  if (value.length <= SHORT_BYTES || value === before) return true;
  return ledgerBytes(reader, twinId, accountId) - before.length + Buffer.byteLength(value) <= COPIES_BYTES_MAX;
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
  if (!reads.some((action) => permits(statement, action))) return undefined;
  const ledger = { ...source, own: source.accountId === actor.accountId, twin: () => twin };
  try {
    return mayTouchTwin(reader, actor, twin) && gateOf(reader, actor, ledger).touches(entry) ? entry : undefined;
  } catch (error) {
    // Rules that take too many steps count as no: to refuse the command would hold up everybody's references.
    if (error instanceof DomainError && error.failure.code === "limited") return undefined;
    throw error;
  }
}

const keyOf = ({ twinId, accountId, name }: EntryKey) => `${twinId} ${accountId} ${name}`;
