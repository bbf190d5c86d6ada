import { z } from "zod";
import type { UserActor } from "../kernel/actor.ts";
import { decodeCursor, encodeCursor } from "../kernel/cursor.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { gateOf, listRequestedEntries, present } from "./model/accessible.ts";
import type { Entry, Outcomes } from "./model/entry.ts";
import { type LedgerPath, locateLedger } from "./model/locate-ledger.ts";

type Filter = {
  entries?: string[] | undefined;
  show_references?: boolean;
  show_public?: boolean;
  show_private?: boolean;
  cursor?: string | undefined;
};

/**
 * Bytes of values after which a page ends: includes and references may have much longer values than fit into a ledger.
 */
const PAGE_BYTES_MAX = 1024 * 1024;

/**
 * Entries of a ledger: of the caller's own, those that the role permits; of another account's, those that are also
 * visible to the caller (specification 2.8). A named entry that is hidden cannot be distinguished from one that does
 * not exist.
 */
export function getTwinLedgerEntry(
  reader: Reader,
  actor: UserActor,
  path: LedgerPath,
  filter: Filter,
): { own: boolean; outcomes: Outcomes<Entry>; cursor: string | null } {
  const ledger = locateLedger(reader, actor, path);
  const first = filter.cursor ? decodeCursor("ledger", z.string(), filter.cursor) : undefined;
  const { mayAccess, rightsFor } = gateOf(reader, actor, ledger);
  const isShown = (entry: Entry) => !ledger.own || passes(entry, filter);
  const outcomes: Outcomes<Entry> = [];
  let bytes = 0;
  for (const [name, entry] of listRequestedEntries(reader, ledger, filter.entries, first)) {
    if (bytes >= PAGE_BYTES_MAX) return { own: ledger.own, outcomes, cursor: encodeCursor("ledger", name) };
    if (!entry || !mayAccess(entry)) {
      if (filter.entries) outcomes.push([name, { error: "Entry not accessible." }]);
    } else if (isShown(entry)) {
      const shown = present(reader, rightsFor(entry), entry);
      bytes += shown.value.length;
      outcomes.push([name, shown]);
    }
  }
  return { own: ledger.own, outcomes, cursor: null };
}

const passes = (entry: Entry, { show_references = true, show_public = true, show_private = true }: Filter) =>
  (show_references || entry.type !== "reference") && (entry.visibility === null ? show_private : show_public);
