import type { JsonText } from "../kernel/json-text.ts";
import { integer, jsonTextOrNull, type Reader, type Row, text, textOrNull } from "../store/sqlite/sql.ts";
import type { Author } from "./author.ts";

// What rules read of ledgers. The entries themselves belong to the ledgers room.

/**
 * The columns that an entry's value depends on: an include has no value of its own, but that of another entry of the
 * account.
 */
export type EntryValue = {
  name: string;
  type: string;
  value: JsonText;
  valueChangedAt: number;
  source: { twinId: string; name: string } | null;
  authors: Pick<Authors, "include"> | null;
};

/** Who set which part of an entry, stored in the row itself, so that entries without rules need no storage for it. */
export type Authors = {
  visibility?: Author & { since: number };
  include?: Author;
  /** Who set which topics, alone or with others; the last element, without `topics`, covers the rest. */
  publish?: readonly (Author & { topics?: readonly string[] })[];
};

const VALUES = `SELECT name, type, value, value_changed_at, source_twin, source_name,
  CASE type WHEN 'include' THEN authors END AS authors FROM ledger_entries`;

/**
 * The values of an account's entries on a twin, as one JSON object: one text costs the driver less than the columns of
 * many rows. Undefined if some are includes, whose values are elsewhere.
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
    authors: authorsFrom(row),
  };
}

export function authorsFrom(row: Row): Authors | null {
  const authors = textOrNull(row, "authors");
  return authors === null ? null : JSON.parse(authors);
}

/** The part of a twin that rules read. */
export function findTwinFacts(reader: Reader, id: string) {
  const row = reader.get("SELECT owner_id, description FROM twins WHERE id = ?", id);
  return row && { id, ownerId: text(row, "owner_id"), description: jsonTextOrNull(row, "description") };
}
