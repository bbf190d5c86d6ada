import type { JsonText } from "../kernel/json-text.ts";
import { integer, integerOrNull, type Reader, type Tx, text } from "../store/sqlite/sql.ts";

export type DocumentKey = { twin: string; name: string };

export type Document = { twinId: string; name: string; version: number; data: JsonText };

/** A document's place on a twin and its stored state; version 0 means that there is no document. */
export type WriteTarget = {
  ownerId: string;
  terminated: boolean;
  version: number;
  /** Sequence of the journal row that made the version. */
  sequence: number | null;
};

// One query for the twin and its document: the number of queries dominates the cost of a read or write.

export function findWriteTarget(reader: Reader, { twin, name }: DocumentKey): WriteTarget | undefined {
  const row = reader.get(
    `SELECT t.owner_id, t.terminated_at, d.version, d.sequence
     FROM twins t LEFT JOIN documents d ON d.twin_id = t.id AND d.name = ? WHERE t.id = ?`,
    name,
    twin,
  );
  return (
    row && {
      ownerId: text(row, "owner_id"),
      terminated: row["terminated_at"] !== null,
      version: integerOrNull(row, "version") ?? 0,
      sequence: integerOrNull(row, "sequence"),
    }
  );
}

/** A document of a twin that the account owns. */
export function findDocument(reader: Reader, accountId: string, { twin, name }: DocumentKey): Document | undefined {
  const row = reader.get(
    "SELECT version, data FROM documents WHERE twin_id = ? AND name = ? AND account_id = ?",
    twin,
    name,
    accountId,
  );
  return row && { twinId: twin, name, version: integer(row, "version"), data: text(row, "data") as JsonText };
}

export const getData = (reader: Reader, { twin, name }: DocumentKey): JsonText => {
  const row = reader.get("SELECT data FROM documents WHERE twin_id = ? AND name = ?", twin, name);
  return text(row ?? {}, "data") as JsonText;
};

/** Bytes of a stored document; 0 where there is none. Does not read the data itself. */
export function findByteCount(reader: Reader, { twin, name }: DocumentKey): number {
  const row = reader.get(
    "SELECT octet_length(data) AS byte_count FROM documents WHERE twin_id = ? AND name = ?",
    twin,
    name,
  );
  return row ? integer(row, "byte_count") : 0;
}

export const countDocuments = (reader: Reader, twin: string): number =>
  integer(reader.get("SELECT count(*) AS count FROM documents WHERE twin_id = ?", twin) ?? {}, "count");

/** All documents of a twin by name, with the columns that their history needs. */
export const listDocuments = (reader: Reader, twin: string) =>
  reader.all("SELECT name, version, sequence FROM documents WHERE twin_id = ? ORDER BY name", twin).map((row) => ({
    name: text(row, "name"),
    version: integer(row, "version"),
    sequence: integer(row, "sequence"),
  }));

export function insertDocument(tx: Tx, accountId: string, document: Document, sequence: number): void {
  const { twinId, name, version, data } = document;
  tx.run(
    "INSERT INTO documents (twin_id, name, account_id, version, sequence, updated_at, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
    twinId,
    name,
    accountId,
    version,
    sequence,
    tx.now,
    data,
  );
}

export function updateDocument(tx: Tx, { twinId, name, version, data }: Document, sequence: number): void {
  tx.run(
    "UPDATE documents SET version = ?, sequence = ?, updated_at = ?, data = ? WHERE twin_id = ? AND name = ?",
    version,
    sequence,
    tx.now,
    data,
    twinId,
    name,
  );
}

export function deleteDocumentRow(tx: Tx, { twin, name }: DocumentKey): void {
  tx.run("DELETE FROM documents WHERE twin_id = ? AND name = ?", twin, name);
}
