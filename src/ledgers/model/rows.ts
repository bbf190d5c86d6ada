import type { JsonText } from "../../kernel/json-text.ts";
import { authorsFrom } from "../../policy/rows.ts";
import {
  boolean,
  integer,
  integerOrNull,
  type Reader,
  type Row,
  type Tx,
  text,
  textOrNull,
} from "../../store/sqlite/sql.ts";
import type { ChangeableEntry, Entry, EntryKey, EntryType, ReferenceStatus } from "./entry.ts";
import type { RecentRecords } from "./recent-records.ts";

// The entries of ledgers. Their history is in history-rows.ts, pending work on references in source-rows.ts.

const PLACE = "twin_id, account_id";
const CONTENT = `name, type, value, visibility, history, publish, source_twin, source_account, source_name, status, hops, added_by, authors,
  created_at, updated_at, value_changed_at`;
const HISTORY_COLUMNS = "record_count, recent";
// A separate query for this would cost four times as much.
const REFERRED_TO = `EXISTS (SELECT 1 FROM ledger_entries r INDEXED BY ledger_references WHERE r.type = 'reference'
    AND r.source_twin = e.twin_id AND r.source_account = e.account_id AND r.source_name = e.name) AS referred_to`;

type EntryFrom<Found extends Entry> = (row: Row, twinId?: string, accountId?: string) => Found;

/**
 * Queries for the entries of a ledger. They do not select the key columns, which the caller knows: each column costs.
 */
function questionsFor<Found extends Entry>(columns: string, entryFrom: EntryFrom<Found>) {
  const ofLedger = `SELECT ${columns} FROM ledger_entries e WHERE twin_id = ? AND account_id = ?`;
  const byKey = `${ofLedger} AND name = ?`;
  const byNames = `${ofLedger} AND name IN (SELECT value FROM json_each(?)) ORDER BY name`;
  const all = `${ofLedger} ORDER BY name`;
  const find = (reader: Reader, { twinId, accountId, name }: EntryKey): Found | undefined => {
    const row = reader.get(byKey, twinId, accountId, name);
    return row && entryFrom(row, twinId, accountId);
  };
  const list = (reader: Reader, twinId: string, accountId: string, names?: readonly string[]): Found[] => {
    const entryHere = (row: Row) => entryFrom(row, twinId, accountId);
    if (!names) return reader.all(all, twinId, accountId).map(entryHere);
    const [first] = names;
    if (names.length === 1 && first !== undefined) {
      const entry = find(reader, { twinId, accountId, name: first });
      return entry ? [entry] : [];
    }
    return reader.all(byNames, twinId, accountId, JSON.stringify(names)).map(entryHere);
  };
  return { find, list };
}

const ENTRIES = questionsFor(CONTENT, entryFrom);
const CHANGEABLE_ENTRIES = questionsFor(`${CONTENT}, ${HISTORY_COLUMNS}, ${REFERRED_TO}`, changeableFrom);

export const findEntry = ENTRIES.find;
/** The entries of a ledger, or those with these names, ordered by name. */
export const listEntries = ENTRIES.list;
/** The same with the columns needed to change them. */
export const findChangeable = CHANGEABLE_ENTRIES.find;
export const listChangeable = CHANGEABLE_ENTRIES.list;

export function insertEntry(tx: Tx, entry: ChangeableEntry): void {
  tx.run(
    `INSERT INTO ledger_entries (${PLACE}, ${CONTENT}, ${HISTORY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    entry.twinId,
    entry.accountId,
    entry.name,
    entry.type,
    ...changing(entry),
    entry.createdAt,
    entry.updatedAt,
    entry.valueChangedAt,
    entry.recordCount,
    entry.recent,
  );
}

export function saveEntry(tx: Tx, entry: ChangeableEntry): void {
  tx.run(
    `UPDATE ledger_entries SET value = ?, visibility = ?, history = ?, publish = ?, source_twin = ?, source_account = ?,
       source_name = ?, status = ?, hops = ?, added_by = ?, authors = ?, updated_at = ?, value_changed_at = ?, record_count = ?, recent = ?
     WHERE twin_id = ? AND account_id = ? AND name = ?`,
    ...changing(entry),
    entry.updatedAt,
    entry.valueChangedAt,
    entry.recordCount,
    entry.recent,
    entry.twinId,
    entry.accountId,
    entry.name,
  );
}

const changing = ({ value, visibility, history, publish, source, reference, authors }: Entry) => [
  value,
  visibility,
  history,
  publish,
  source?.twinId ?? null,
  source?.accountId ?? null,
  source?.name ?? null,
  reference?.status ?? null,
  reference?.hops ?? null,
  reference?.addedBy ?? null,
  authors && JSON.stringify(authors),
];

/** Writes only the columns of a new value, which most writes change. */
export function saveValue(tx: Tx, entry: ChangeableEntry): void {
  tx.run(
    `UPDATE ledger_entries SET value = ?, record_count = ?, recent = ?, value_changed_at = ?
     WHERE twin_id = ? AND account_id = ? AND name = ?`,
    entry.value,
    entry.recordCount,
    entry.recent,
    entry.valueChangedAt,
    entry.twinId,
    entry.accountId,
    entry.name,
  );
}

/** Also deletes its history. */
export function deleteEntryRow(tx: Tx, { twinId, accountId, name }: EntryKey): void {
  tx.run("DELETE FROM ledger_entries WHERE twin_id = ? AND account_id = ? AND name = ?", twinId, accountId, name);
}

/** Bytes of a ledger: its entries' names, values and properties. */
export function ledgerBytes(reader: Reader, twinId: string, accountId: string): number {
  const row = reader.get(
    `SELECT coalesce(sum(length(name) + octet_length(value) + coalesce(octet_length(visibility), 0)
       + coalesce(octet_length(publish), 0) + coalesce(octet_length(source_name) + 72, 0)), 0) AS bytes
     FROM ledger_entries WHERE twin_id = ? AND account_id = ?`,
    twinId,
    accountId,
  );
  return integer(row as Row, "bytes");
}

/** How many entries of a ledger are includes. */
export function countIncludes(reader: Reader, twinId: string, accountId: string): number {
  const row = reader.get(
    "SELECT count(*) AS count FROM ledger_entries WHERE twin_id = ? AND account_id = ? AND type = 'include'",
    twinId,
    accountId,
  );
  return integer(row as Row, "count");
}

/** References of an account to an entry, after a position, ordered by key. */
export const listReferences = (
  reader: Reader,
  source: EntryKey,
  accountId: string,
  after: { twinId: string; name: string },
  limit: number,
): ChangeableEntry[] =>
  reader
    .all(
      `SELECT ${PLACE}, ${CONTENT}, ${HISTORY_COLUMNS}, ${REFERRED_TO} FROM ledger_entries e INDEXED BY ledger_references
       WHERE type = 'reference' AND source_twin = ? AND source_account = ? AND source_name = ?
         AND account_id = ? AND (twin_id, name) > (?, ?)
       ORDER BY twin_id, name LIMIT ?`,
      source.twinId,
      source.accountId,
      source.name,
      accountId,
      after.twinId,
      after.name,
      limit,
    )
    .map((row) => changeableFrom(row));

/** Entries that keep their history for a limited time, after a key. */
export const listHistoryKeepers = (reader: Reader, after: EntryKey, limit: number): ChangeableEntry[] =>
  reader
    .all(
      `SELECT ${PLACE}, ${CONTENT}, ${HISTORY_COLUMNS}, ${REFERRED_TO} FROM ledger_entries e INDEXED BY ledger_entries_with_history
       WHERE history IS NOT NULL AND history <> 'INF' AND (twin_id, account_id, name) > (?, ?, ?)
       ORDER BY twin_id, account_id, name LIMIT ?`,
      after.twinId,
      after.accountId,
      after.name,
      limit,
    )
    .map((row) => changeableFrom(row));

function entryFrom(row: Row, twinId = text(row, "twin_id"), accountId = text(row, "account_id")): Entry {
  const sourceTwin = textOrNull(row, "source_twin");
  const status = textOrNull(row, "status") as ReferenceStatus | null;
  return {
    twinId,
    accountId,
    name: text(row, "name"),
    type: text(row, "type") as EntryType,
    value: text(row, "value") as JsonText,
    visibility: textOrNull(row, "visibility"),
    history: textOrNull(row, "history"),
    publish: textOrNull(row, "publish") as JsonText | null,
    source:
      sourceTwin === null
        ? null
        : { twinId: sourceTwin, accountId: text(row, "source_account"), name: text(row, "source_name") },
    reference: status && { status, hops: integerOrNull(row, "hops") ?? 0, addedBy: text(row, "added_by") },
    authors: authorsFrom(row),
    createdAt: integer(row, "created_at"),
    updatedAt: integer(row, "updated_at"),
    valueChangedAt: integer(row, "value_changed_at"),
  };
}

function changeableFrom(row: Row, twinId?: string, accountId?: string): ChangeableEntry {
  return {
    ...entryFrom(row, twinId, accountId),
    recordCount: integer(row, "record_count"),
    recent: text(row, "recent") as RecentRecords,
    referredTo: boolean(row, "referred_to"),
  };
}
