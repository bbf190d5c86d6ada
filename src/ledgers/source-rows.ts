import { integer, type Reader, type Tx, text } from "../store/sql.ts";
import type { EntryKey } from "./entry.ts";

// Entries that changed while references to them exist, and how far the walk along these references has come.

export type ChangedSource = EntryKey & { sequence: number; position: EntryKey; again: boolean };

/** Puts an entry on the list if there are references to it, and answers whether there are. A walk that has not begun sees the change anyway. */
export const insertChangedSource = (tx: Tx, { twinId, accountId, name }: EntryKey): boolean =>
  tx.run(
    `INSERT INTO changed_sources (twin_id, account_id, name) SELECT ?1, ?2, ?3 WHERE EXISTS (
       SELECT 1 FROM ledger_entries INDEXED BY ledger_references
       WHERE type = 'reference' AND source_twin = ?1 AND source_account = ?2 AND source_name = ?3)
     ON CONFLICT (twin_id, account_id, name) DO UPDATE SET again = position <> ''`,
    twinId,
    accountId,
    name,
  ) > 0;

/** The one that has waited the longest. */
export function findChangedSource(reader: Reader): ChangedSource | undefined {
  const row = reader.get(
    "SELECT sequence, twin_id, account_id, name, position, again FROM changed_sources ORDER BY sequence LIMIT 1",
  );
  if (!row) return undefined;
  const [twinId = "", accountId = "", name = ""] = text(row, "position").split(" ");
  return {
    ...{ twinId: text(row, "twin_id"), accountId: text(row, "account_id"), name: text(row, "name") },
    sequence: integer(row, "sequence"),
    position: { twinId, accountId, name },
    again: integer(row, "again") === 1,
  };
}

export function savePosition(tx: Tx, source: ChangedSource, { twinId, accountId, name }: EntryKey): void {
  const position = [twinId, accountId, name].join(" ");
  tx.run("UPDATE changed_sources SET position = ? WHERE sequence = ?", position, source.sequence);
}

/** The walk is at its end; if the source has changed meanwhile, it goes to the end of the list and is walked again. */
export function finishWalk(tx: Tx, { sequence, again }: ChangedSource): void {
  if (again) {
    tx.run(
      `UPDATE changed_sources SET position = '', again = 0, sequence = (SELECT max(sequence) + 1 FROM changed_sources)
       WHERE sequence = ?`,
      sequence,
    );
  } else tx.run("DELETE FROM changed_sources WHERE sequence = ?", sequence);
}

/** Has one reference copied, whatever its source does. */
export function insertPendingReference(tx: Tx, { twinId, accountId, name }: EntryKey): void {
  tx.run("INSERT INTO pending_references (twin_id, account_id, name) VALUES (?, ?, ?)", twinId, accountId, name);
  tx.wake("references");
}

/** Takes references off the list, oldest first. */
export function takePendingReferences(tx: Tx, limit: number): EntryKey[] {
  const rows = tx.all(
    "SELECT sequence, twin_id, account_id, name FROM pending_references ORDER BY sequence LIMIT ?",
    limit,
  );
  const last = rows.at(-1);
  if (last) tx.run("DELETE FROM pending_references WHERE sequence <= ?", integer(last, "sequence"));
  return rows.map((row) => ({
    ...{ twinId: text(row, "twin_id"), accountId: text(row, "account_id"), name: text(row, "name") },
  }));
}
