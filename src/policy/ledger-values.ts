import type { JsonObject } from "../kernel/json.ts";
import { type JsonText, spliced, writeJson } from "../kernel/json-text.ts";
import { once } from "../kernel/once.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { type EntryValue, findEntryValue, findPlainValues, listEntryValues } from "./rows.ts";

/** An include of an include and so on is followed this far; then, as in a loop, there is no value. */
export const INCLUDES_MAX = 8;

export const NULL = "null" as JsonText;

export type Included = Pick<EntryValue, "name" | "type" | "value" | "source" | "authors">;

/** The entry that an include comes to in the end, whoever may read it; undefined where there is none. */
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
 * What the rules of roles see as `LEDGER`: the values of an account's entries on a twin, by name. They are the account's word about its
 * users, and see all of it. For everything that a user asks, `valueFor` says what they see of an entry.
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

/** The same of some entries. */
export function valuesOf<Entry extends Included>(
  entries: readonly Entry[],
  valueFor: (entry: Entry) => JsonText,
): JsonObject {
  const texts = entries.map((entry) => [entry.name, valueFor(entry)]);
  // By way of text, in which `__proto__` is a name like any other.
  return JSON.parse(writeJson(spliced({}, Object.fromEntries(texts))));
}

/** `LEDGER` as it would be if one entry had another value. In a copy that is made once, so only until the next value is asked about. */
export type LedgerAt = (value: JsonText) => { LEDGER: () => JsonObject };

export function ledgerWith(values: () => JsonObject, name: string): LedgerAt {
  const copy = once((): JsonObject => ({ ...values() }));
  const like = { enumerable: true, writable: true, configurable: true };
  return (value) => ({ LEDGER: () => Object.defineProperty(copy(), name, { ...like, value: JSON.parse(value) }) });
}
