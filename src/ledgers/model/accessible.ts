import type { UserActor } from "../../kernel/actor.ts";
import type { AuthorRights } from "../../policy/author.ts";
import { resolveInclude } from "../../policy/own-gate.ts";
import { type EntryGate, entryGate, openGate } from "../../policy/verdicts.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { type ChangeableEntry, type Entry, ItemRefusal, NULL } from "./entry.ts";
import type { Ledger } from "./locate-ledger.ts";
import { listChangeable, listEntries } from "./rows.ts";

/** The entries, or those with these names, that the caller may access. */
export const listAccessible = (reader: Reader, actor: UserActor, ledger: Ledger, names?: readonly string[]): Entry[] =>
  listLedgerEntries(reader, ledger, names).filter(gateOf(reader, actor, ledger).mayAccess);

/**
 * The entries, or those with these names. If none is found, checks that the twin exists, and is refused if it does not.
 */
export const listLedgerEntries = (reader: Reader, ledger: Ledger, names?: readonly string[]): Entry[] =>
  assertTwinIfEmpty(ledger, listEntries(reader, ledger.twinId, ledger.accountId, names));

/** Every requested name, or every name in the ledger, from `first` on, with its entry. */
export function listRequestedEntries(
  reader: Reader,
  ledger: Ledger,
  names: readonly string[] | undefined,
  first: string | undefined,
): [name: string, entry: Entry | undefined][] {
  const found = listLedgerEntries(reader, ledger, names);
  if (!names) {
    const rest = first === undefined ? found : found.filter(({ name }) => name >= first);
    return rest.map((entry) => [entry.name, entry]);
  }
  const byName = new Map(found.map((entry) => [entry.name, entry]));
  const from = first === undefined ? 0 : Math.max(0, names.indexOf(first));
  return names.slice(from).map((name) => [name, byName.get(name)]);
}

/** `listLedgerEntries`, with the columns that are needed to change the entries. */
export const listAllChangeable = (reader: Reader, ledger: Ledger, names: readonly string[]): ChangeableEntry[] =>
  assertTwinIfEmpty(ledger, listChangeable(reader, ledger.twinId, ledger.accountId, names));

function assertTwinIfEmpty<Found extends Entry>(ledger: Ledger, entries: Found[]): Found[] {
  if (entries.length === 0) ledger.twin();
  return entries;
}

/**
 * Decides which entries the caller may access. It reads the ledger once, while a request is planned and before it
 * writes.
 */
export function gateOf(reader: Reader, actor: UserActor, ledger: Ledger): EntryGate {
  // Without a rule the twin need not be read.
  if (ledger.own && actor.rules.entry === null) return openGate(actor);
  const { twinId, accountId } = ledger;
  return entryGate(reader, actor, {
    twin: ledger.twin(),
    accountId,
    all: () => listEntries(reader, twinId, accountId),
  });
}

/**
 * Refuses a change that would hide the entry from the caller by a rule of their own role. The rule sees the ledger as
 * it was before the request.
 */
export function assertAccessible({ mayAccess }: EntryGate, entry: Entry): void {
  if (!mayAccess(entry)) throw new ItemRefusal("Entry not accessible.");
}

/** Returns an entry with its current value: an include's is read now, with the given rights. */
export function present(reader: Reader, rights: AuthorRights, entry: Entry): Entry {
  if (entry.type !== "include") return entry;
  const through = resolveInclude(reader, rights, entry.accountId, entry);
  return { ...entry, value: through?.value ?? NULL, valueChangedAt: through?.valueChangedAt ?? entry.createdAt };
}
