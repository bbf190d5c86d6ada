import { EVENT_TABLE, OWN_EVENTS } from "../journal/account-rows.ts";
import { type Row, text } from "../store/sqlite/sql.ts";
import type { AccountTable, Numbering } from "../store/transfer/account-table.ts";
import { renumberReferences } from "./journal.ts";

const ON_OWN = "twin_id IN (SELECT id FROM twins WHERE owner_id = ?1)";

/**
 * The journal's sequence numbers occur in three places: in its rows, in the documents that they made, and in rows that
 * name the previous one.
 */
const JOURNAL: Numbering = {
  name: "journal",
  sources: [
    `SELECT sequence AS number FROM events WHERE ${OWN_EVENTS}`,
    "SELECT sequence AS number FROM documents WHERE account_id = ?1",
    ...["deleted_documents", "document_bases"].map(
      (table) => `SELECT sequence AS number FROM ${table} WHERE ${ON_OWN}`,
    ),
    `SELECT data ->> '$.after' AS number FROM events
     WHERE ${OWN_EVENTS} AND kind IN ('document.put', 'document.patched') AND data ->> '$.after' IS NOT NULL`,
    `SELECT value ->> '$.after' AS number FROM events, json_each(events.data, '$.documents')
     WHERE ${OWN_EVENTS} AND events.kind = 'document.deleted'`,
  ],
};

const numbered = { sequence: JOURNAL };

export const DOCUMENT_TABLES: readonly AccountTable[] = [
  {
    ...EVENT_TABLE,
    numbered,
    rewrite: (row: Row, rank) => ({
      ...row,
      data: renumberReferences(text(row, "kind"), text(row, "data"), (sequence) => rank(JOURNAL, sequence)),
    }),
  },
  { table: "documents", where: "account_id = ?1", order: "twin_id, name", numbered },
  { table: "deleted_documents", where: ON_OWN, order: "twin_id, name", numbered },
  { table: "document_bases", where: ON_OWN, order: "twin_id, name", numbered },
];
