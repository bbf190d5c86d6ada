import type { JsonText } from "../kernel/json-text.ts";
import { integer, type Reader, type Row, text, textOrNull } from "../store/sql.ts";

// What rules see of ledgers. The entries themselves are the ledgers room's.

/** An entry as far as its value goes: an include has none of its own, but that of an entry of the same account. */
export type EntryValue = {
  name: string;
  type: string;
  value: JsonText;
  valueChangedAt: number;
  source: { twinId: string; name: string } | null;
};

const VALUES = "SELECT name, type, value, value_changed_at, source_twin, source_name FROM ledger_entries";

/**
 * The values of an account's entries on a twin, as one JSON object: a text costs the driver less than the columns of a row.
 * Undefined if some are includes, whose values are elsewhere.
 */
export function findPlainValues(reader: Reader, twinId: string, accountId: string): JsonText | undefined {
  const row = reader.get(
    `SELECT '{' || coalesce(group_concat(json_quote(name) || ':' || value, ','), '') || '}' AS entries,
       coalesce(max(type = 'include'), 0) AS has_includes
     FROM ledger_entries WHERE twin_id = ? AND account_id = ?`,
    twinId,
    accountId,
  ) as Row;
  return integer(row, "has_includes") === 1 ? undefined : (text(row, "entries") as JsonText);
}

export const listEntryValues = (reader: Reader, twinId: string, accountId: string): EntryValue[] =>
  reader.all(`${VALUES} WHERE twin_id = ? AND account_id = ?`, twinId, accountId).map(entryValueFrom);

export function findEntryValue(reader: Reader, twinId: string, accountId: string, name: string) {
  const row = reader.get(`${VALUES} WHERE twin_id = ? AND account_id = ? AND name = ?`, twinId, accountId, name);
  return row && entryValueFrom(row);
}

function entryValueFrom(row: Row): EntryValue {
  const twinId = textOrNull(row, "source_twin");
  return {
    name: text(row, "name"),
    type: text(row, "type"),
    value: text(row, "value") as JsonText,
    valueChangedAt: integer(row, "value_changed_at"),
    source: twinId === null ? null : { twinId, name: text(row, "source_name") },
  };
}
