import type { UserActor } from "../../kernel/actor.ts";
import type { Standing } from "../../policy/author.ts";
import { seenThrough } from "../../policy/own-gate.ts";
import { type EntryGate, entryGate, openGate } from "../../policy/verdicts.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { type ChangeableEntry, type Entry, ItemRefusal, NULL } from "./entry.ts";
import type { Ledger } from "./locate-ledger.ts";
import { listChangeable, listEntries } from "./rows.ts";

/** The entries, or those of these names, that the caller may touch. */
export const listTouchable = (reader: Reader, actor: UserActor, ledger: Ledger, names?: readonly string[]): Entry[] =>
  listAll(reader, ledger, names).filter(gateOf(reader, actor, ledger).touches);

/** The entries, or those of these names. Where there are none, the twin is looked up: there may be none either, which is refused. */
export const listAll = (reader: Reader, ledger: Ledger, names?: readonly string[]): Entry[] =>
  vouched(ledger, listEntries(reader, ledger.twinId, ledger.accountId, names));

/** Every name that was asked for, or that there is, from one on, with its entry. */
export function listAsked(
  reader: Reader,
  ledger: Ledger,
  names: readonly string[] | undefined,
  first: string | undefined,
): [name: string, entry: Entry | undefined][] {
  const found = listAll(reader, ledger, names);
  if (!names) {
    const rest = first === undefined ? found : found.filter(({ name }) => name >= first);
    return rest.map((entry) => [entry.name, entry]);
  }
  const byName = new Map(found.map((entry) => [entry.name, entry]));
  const from = first === undefined ? 0 : Math.max(0, names.indexOf(first));
  return names.slice(from).map((name) => [name, byName.get(name)]);
}

/** The same for who is about to change them. */
export const listAllChangeable = (reader: Reader, ledger: Ledger, names: readonly string[]): ChangeableEntry[] =>
  vouched(ledger, listChangeable(reader, ledger.twinId, ledger.accountId, names));

function vouched<Found extends Entry>(ledger: Ledger, entries: Found[]): Found[] {
  if (entries.length === 0) ledger.twin();
  return entries;
}

/** Tells which entries the caller may touch. It looks at the ledger once: while a request is planned, before it writes. */
export function gateOf(reader: Reader, actor: UserActor, ledger: Ledger): EntryGate {
  // What needs no rule needs no twin.
  if (ledger.own && actor.rules.entry === null) return openGate(actor);
  const { twinId, accountId } = ledger;
  return entryGate(reader, actor, {
    twin: ledger.twin(),
    accountId,
    all: () => listEntries(reader, twinId, accountId),
  });
}

/** Nobody makes of an entry what their role would keep from them. The rule sees the ledger as it was before the request. */
export function assertTouchable({ touches }: EntryGate, entry: Entry): void {
  if (!touches(entry)) throw new ItemRefusal("Entry not accessible.");
}

/** An entry as it is answered: an include is read through at this moment, with the rights of who asks. */
export function present(reader: Reader, standing: Standing, entry: Entry): Entry {
  if (entry.type !== "include") return entry;
  const through = seenThrough(reader, standing, entry.accountId, entry);
  return { ...entry, value: through?.value ?? NULL, valueChangedAt: through?.valueChangedAt ?? entry.createdAt };
}
