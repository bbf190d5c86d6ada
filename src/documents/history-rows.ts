import type { JsonText } from "../kernel/json-text.ts";
import { integer, type Reader, type Tx, text } from "../store/sqlite/sql.ts";
import type { DocumentKey } from "./rows.ts";

// What a document's history needs beside the journal: where it ends, and where it starts once the journal was cut.

type Base = { version: number; sequence: number; data: JsonText };

/** The newest journal row of a document, stored or deleted. */
export function findNewest(reader: Reader, { twin, name }: DocumentKey): number | undefined {
  const row =
    reader.get("SELECT sequence FROM documents WHERE twin_id = ? AND name = ?", twin, name) ??
    reader.get("SELECT sequence FROM deleted_documents WHERE twin_id = ? AND name = ?", twin, name);
  return row && integer(row, "sequence");
}

export function findDeletion(reader: Reader, { twin, name }: DocumentKey): number | undefined {
  const row = reader.get("SELECT sequence FROM deleted_documents WHERE twin_id = ? AND name = ?", twin, name);
  return row && integer(row, "sequence");
}

export function saveDeletion(tx: Tx, { twin, name }: DocumentKey, sequence: number): void {
  tx.run("INSERT INTO deleted_documents (twin_id, name, sequence) VALUES (?, ?, ?)", twin, name, sequence);
}

export function dropDeletion(tx: Tx, { twin, name }: DocumentKey, sequence: number): void {
  tx.run("DELETE FROM deleted_documents WHERE twin_id = ? AND name = ? AND sequence = ?", twin, name, sequence);
}

export function findBase(reader: Reader, { twin, name }: DocumentKey): Base | undefined {
  const row = reader.get(
    "SELECT version, sequence, data FROM document_bases WHERE twin_id = ? AND name = ?",
    twin,
    name,
  );
  return (
    row && {
      version: integer(row, "version"),
      sequence: integer(row, "sequence"),
      data: text(row, "data") as JsonText,
    }
  );
}

export function saveBase(tx: Tx, { twin, name }: DocumentKey, { version, sequence, data }: Base): void {
  tx.run(
    `INSERT INTO document_bases (twin_id, name, version, sequence, data) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (twin_id, name) DO UPDATE SET version = excluded.version, sequence = excluded.sequence, data = excluded.data`,
    twin,
    name,
    version,
    sequence,
    data,
  );
}

export function deleteBase(tx: Tx, { twin, name }: DocumentKey): void {
  tx.run("DELETE FROM document_bases WHERE twin_id = ? AND name = ?", twin, name);
}
