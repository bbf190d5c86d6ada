import type { UserActor } from "../../kernel/actor.ts";
import { mayAccessTwin } from "../../policy/verdicts.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { findTwin } from "../../twins/rows.ts";
import { gateOf } from "./accessible.ts";
import { type EntryKey, ItemRefusal, NULL } from "./entry.ts";
import type { Ledger } from "./locate-ledger.ts";
import { findEntry } from "./rows.ts";

/** A source has to be in another ledger (specification 2.8). */
export function assertSourceInOtherLedger(ledger: Ledger, source: EntryKey): void {
  if (source.twinId === ledger.twinId && source.accountId === ledger.accountId) {
    throw new ItemRefusal("Invalid source.", "The source is in the same Ledger.");
  }
}

/**
 * Refuses to include what the caller's own role hides from them. If the entry does not exist yet, the role must permit
 * its name.
 */
export function assertMayInclude(reader: Reader, actor: UserActor, source: EntryKey): void {
  const twin = findTwin(reader, source.twinId);
  const entry = findEntry(reader, source) ?? absentEntry(source);
  const ledger = twin && { ...source, own: true, twin: () => twin };
  if (!ledger || !mayAccessTwin(reader, actor, twin) || !gateOf(reader, actor, ledger).mayAccess(entry)) {
    throw new ItemRefusal("Invalid source.", "The source is not accessible.");
  }
}

const absentEntry = (key: EntryKey) => ({
  ...key,
  type: "value" as const,
  value: NULL,
  visibility: null,
  history: null,
  publish: null,
  source: null,
  reference: null,
  authors: null,
  createdAt: 0,
  updatedAt: 0,
  valueChangedAt: 0,
});
