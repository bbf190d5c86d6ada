import type { JsonObject } from "../kernel/json.ts";
import { type JsonText, withRawJson, writeJson } from "../kernel/json-text.ts";
import { once } from "../kernel/once.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { type EntryValue, findEntryValue, findPlainValues, listEntryValues } from "./rows.ts";

/** Includes of includes are followed this far; beyond it, as in a loop, there is no value. */
export const INCLUDES_MAX = 8;

export const NULL = "null" as JsonText;

export type Included = Pick<EntryValue, "name" | "type" | "value" | "source" | "authors">;

/** The entry that an include finally resolves to, without asking for rights; undefined if there is none. */
function readThrough(reader: Reader, accountId: string, entry: Included): Included | undefined {
  let next: Included | undefined = entry;
  for (let hops = 0; next?.type === "include" && hops <= INCLUDES_MAX; hops++) {
    next = next.source ? findEntryValue(reader, next.source.twinId, accountId, next.source.name) : undefined;
  }
  return next?.type === "include" ? undefined : next;
}

const presentValue = (reader: Reader, accountId: string, entry: Included): JsonText =>
  readThrough(reader, accountId, entry)?.value ?? NULL;

/**
 * `LEDGER` for the rules of roles: the values of an account's entries on a twin, by name. The account's own rules about
 * its users see all of it. For rules that a user brings, `valueFor` returns what that user sees of an entry.
 */
export function ledgerValues(
  reader: Reader,
  twinId: string,
  accountId: string,
  valueFor = (entry: Included) => presentValue(reader, accountId, entry),
): JsonObject {
  const plain = findPlainValues(reader, twinId, accountId);
  return plain === undefined ? valuesOf(listEntryValues(reader, twinId, accountId), valueFor) : JSON.parse(plain);
}

/** Returns `LEDGER` with these entries only. */
export function valuesOf<Entry extends Included>(
  entries: readonly Entry[],
  valueFor: (entry: Entry) => JsonText,
): JsonObject {
  const texts = entries.map((entry) => [entry.name, valueFor(entry)]);
  // Built as text, in which `__proto__` is an ordinary key.
  return JSON.parse(writeJson(withRawJson({}, Object.fromEntries(texts))));
}

/**
 * `LEDGER` as it would be with another value of one entry. One object is reused, so a result is valid only until the
 * next call.
 */
export type LedgerAt = (value: JsonText) => { LEDGER: () => JsonObject };

export function ledgerWithValue(values: () => JsonObject, name: string): LedgerAt {
  const copy = once((): JsonObject => ({ ...values() }));
  const like = { enumerable: true, writable: true, configurable: true };
  return (value) => ({ LEDGER: () => Object.defineProperty(copy(), name, { ...like, value: JSON.parse(value) }) });
}
