import { declareTopic, integer, type Reader, type Row, type Tx, text } from "../../store/sqlite/sql.ts";
import type { EntryKey } from "./entry.ts";

/** Wakes the job that copies references. */
export const REFERENCES_TOPIC = declareTopic("references");

// Pending work on references: changes whose referring accounts are not all queued yet, walks of these accounts along
// their references to a changed entry, and new references. All of it is queued by account.

/** A walk along one account's references to an entry, with its progress. */
type Walk = { sequence: number; accountId: string; source: EntryKey; position: Position; again: boolean };

/** Position of a reference among those of an account to one entry. */
type Position = { twinId: string; name: string };

/** Queues a changed entry if there are references to it, and returns whether there are. */
export const insertChangedSource = (tx: Tx, { twinId, accountId, name }: EntryKey): boolean =>
  tx.run(
    `INSERT INTO changed_sources (twin_id, account_id, name) SELECT ?1, ?2, ?3 WHERE EXISTS (
       SELECT 1 FROM reference_fans WHERE source_twin = ?1 AND source_account = ?2 AND source_name = ?3)
     ON CONFLICT (twin_id, account_id, name) DO UPDATE SET position = ''`,
    twinId,
    accountId,
    name,
  ) > 0;

const WAITING = ["changed_sources", "pending_references", "reference_walks"];
const FIRST_WAITING = `SELECT min(account_id) AS account_id FROM (${WAITING.map(
  (table) => `SELECT min(account_id) AS account_id FROM ${table} WHERE account_id > ?1`,
).join(" UNION ALL ")})`;

/** The first account, after one, that has pending work. */
export function findWaiting(reader: Reader, after: string): string | undefined {
  const row = reader.get(FIRST_WAITING, after) as Row;
  return row["account_id"] === null ? undefined : text(row, "account_id");
}

/**
 * Takes the change of an account's entries that has waited longest, and queues a walk for at most `limit` accounts that
 * refer to the entry. Returns how many; undefined if no change is pending. A walk that has not begun yet covers the
 * change already.
 */
export function queueWalksOfChange(tx: Tx, accountId: string, limit: number): number | undefined {
  const change = tx.get(
    "SELECT sequence, twin_id, account_id, name, position FROM changed_sources WHERE account_id = ? ORDER BY sequence LIMIT 1",
    accountId,
  );
  if (!change) return undefined;
  const sequence = integer(change, "sequence");
  const fans = tx
    .all(
      `SELECT account_id FROM reference_fans
       WHERE source_twin = ? AND source_account = ? AND source_name = ? AND account_id > ? ORDER BY account_id LIMIT ?`,
      text(change, "twin_id"),
      accountId,
      text(change, "name"),
      text(change, "position"),
      limit,
    )
    .map((row) => text(row, "account_id"));
  for (const fan of fans) {
    tx.run(
      `INSERT INTO reference_walks (account_id, source_twin, source_account, source_name) VALUES (?, ?, ?, ?)
       ON CONFLICT (account_id, source_twin, source_account, source_name) DO UPDATE SET again = position <> ''`,
      fan,
      text(change, "twin_id"),
      accountId,
      text(change, "name"),
    );
  }
  const last = fans.at(-1);
  if (last !== undefined && fans.length === limit) {
    tx.run("UPDATE changed_sources SET position = ? WHERE sequence = ?", last, sequence);
  } else tx.run("DELETE FROM changed_sources WHERE sequence = ?", sequence);
  return fans.length;
}

/** The walk of an account that has waited longest. */
export function findWalk(reader: Reader, accountId: string): Walk | undefined {
  const row = reader.get(
    `SELECT sequence, source_twin, source_account, source_name, position, again FROM reference_walks
     WHERE account_id = ? ORDER BY sequence LIMIT 1`,
    accountId,
  );
  if (!row) return undefined;
  const [twinId = "", name = ""] = text(row, "position").split(" ");
  return {
    sequence: integer(row, "sequence"),
    accountId,
    source: {
      twinId: text(row, "source_twin"),
      accountId: text(row, "source_account"),
      name: text(row, "source_name"),
    },
    position: { twinId, name },
    again: integer(row, "again") === 1,
  };
}

export function savePosition(tx: Tx, { sequence }: Walk, { twinId, name }: Position): void {
  tx.run("UPDATE reference_walks SET position = ? WHERE sequence = ?", `${twinId} ${name}`, sequence);
}

/**
 * Ends a walk. If the source has changed meanwhile, the walk is requeued after the account's others, from its
 * beginning.
 */
export function finishWalk(tx: Tx, { sequence, again }: Walk): void {
  if (again) {
    tx.run(
      `UPDATE reference_walks SET position = '', again = 0, sequence = (SELECT max(sequence) + 1 FROM reference_walks)
       WHERE sequence = ?`,
      sequence,
    );
  } else tx.run("DELETE FROM reference_walks WHERE sequence = ?", sequence);
}

/** Queues one reference for copying, whether or not its source has changed. */
export function insertPendingReference(tx: Tx, { twinId, accountId, name }: EntryKey): void {
  tx.run("INSERT INTO pending_references (twin_id, account_id, name) VALUES (?, ?, ?)", twinId, accountId, name);
  tx.wake(REFERENCES_TOPIC);
}

/** New references of an account, oldest first. */
export const listPendingReferences = (reader: Reader, accountId: string, limit: number) =>
  reader
    .all(
      "SELECT sequence, twin_id, name FROM pending_references WHERE account_id = ? ORDER BY sequence LIMIT ?",
      accountId,
      limit,
    )
    .map((row) => ({
      sequence: integer(row, "sequence"),
      key: { twinId: text(row, "twin_id"), accountId, name: text(row, "name") },
    }));

export function deletePendingReference(tx: Tx, sequence: number): void {
  tx.run("DELETE FROM pending_references WHERE sequence = ?", sequence);
}

/** Number of an account's references to an entry. */
export function countReferencesTo(reader: Reader, { twinId, accountId, name }: EntryKey, fanId: string): number {
  const row = reader.get(
    "SELECT count FROM reference_fans WHERE source_twin = ? AND source_account = ? AND source_name = ? AND account_id = ?",
    twinId,
    accountId,
    name,
    fanId,
  );
  return row ? integer(row, "count") : 0;
}
