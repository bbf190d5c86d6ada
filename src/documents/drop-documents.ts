import type { Actor } from "../kernel/actor.ts";
import type { Tx } from "../store/sqlite/sql.ts";
import { saveDeletion } from "./history-rows.ts";
import { recordDeletion } from "./journal.ts";
import { deleteDocumentRow } from "./rows.ts";

type Twin = { accountId: string; twin: string };
type Dropped = { name: string; version: number; sequence: number };

/**
 * Deletes documents of a twin with one journal row for all of them. Without permission checks, for commands that have
 * made them.
 */
export function dropDocuments(tx: Tx, actor: Actor, { accountId, twin }: Twin, documents: Dropped[]): void {
  if (documents.length === 0) return;
  const deleted = documents.map(({ name, version, sequence }) => ({ name, version, after: sequence }));
  const sequence = recordDeletion(tx, actor, accountId, twin, deleted);
  for (const { name } of documents) {
    deleteDocumentRow(tx, { twin, name });
    saveDeletion(tx, { twin, name }, sequence);
  }
}
