import type { JsonObject } from "../kernel/json.ts";
import { type JsonText, spliced, writeJson } from "../kernel/json-text.ts";
import type { Reader } from "../store/sql.ts";
import { type EntryValue, findEntryValue, findPlainValues, listEntryValues } from "./rows.ts";

/** An include of an include and so on is followed this far; then, as in a loop, there is no value. */
const INCLUDES_MAX = 8;

const NULL = "null" as JsonText;

type Included = Pick<EntryValue, "name" | "type" | "value" | "source">;

/** The entry that an include comes to in the end; undefined where there is none. Any other entry comes to itself. */
export function readThrough<Entry extends Included>(reader: Reader, accountId: string, entry: Entry) {
  let next: Entry | EntryValue | undefined = entry;
  for (let hops = 0; next?.type === "include" && hops <= INCLUDES_MAX; hops++) {
    next = next.source ? findEntryValue(reader, next.source.twinId, accountId, next.source.name) : undefined;
  }
  return next?.type === "include" ? undefined : next;
}

/** The present value of an entry. */
export const presentValue = (reader: Reader, accountId: string, entry: Included): JsonText =>
  readThrough(reader, accountId, entry)?.value ?? NULL;

/** What rules see as `LEDGER`: the values of an account's entries on a twin, by name. */
export function ledgerValues(reader: Reader, twinId: string, accountId: string): JsonObject {
  const plain = findPlainValues(reader, twinId, accountId);
  return plain === undefined
    ? valuesOf(reader, accountId, listEntryValues(reader, twinId, accountId))
    : JSON.parse(plain);
}

/** The same of some entries. */
export function valuesOf(reader: Reader, accountId: string, entries: readonly Included[]): JsonObject {
  const texts = entries.map((entry) => [entry.name, presentValue(reader, accountId, entry)]);
  // By way of text, in which `__proto__` is a name like any other.
  return JSON.parse(writeJson(spliced({}, Object.fromEntries(texts))));
}
