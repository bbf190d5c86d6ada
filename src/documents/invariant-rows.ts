import type { Invariant } from "../store/sqlite/invariant.ts";

/** Where the journal begins; older rows were cut. */
const BEGIN = "(SELECT coalesce(min(sequence), 0) FROM events)";

export const DOCUMENT_INVARIANTS: readonly Invariant[] = [
  {
    broken: "documents: {name} of twin {twin_id} is of another account than the twin",
    sql: "SELECT d.name, d.twin_id FROM documents d JOIN twins t ON t.id = d.twin_id WHERE t.owner_id <> d.account_id",
  },
  {
    broken: "documents: {name} of twin {twin_id} is no JSON object",
    sql: "SELECT name, twin_id FROM documents WHERE CASE WHEN json_valid(data) THEN json_type(data) ELSE '' END <> 'object'",
  },
  {
    broken: "documents: version {version} of {name} of twin {twin_id} is not what the journal has at {sequence}",
    sql: `SELECT d.version, d.name, d.twin_id, d.sequence FROM documents d LEFT JOIN events e ON e.sequence = d.sequence
          WHERE d.sequence >= ${BEGIN} AND (
            e.sequence IS NULL OR e.twin_id IS NOT d.twin_id OR e.kind NOT IN ('document.put', 'document.patched')
            OR e.data ->> '$.name' IS NOT d.name OR e.data ->> '$.version' IS NOT d.version)`,
  },
  {
    broken: "documents: {name} of twin {twin_id} is not what the journal says that was put at {sequence}",
    sql: `SELECT d.name, d.twin_id, d.sequence FROM documents d JOIN events e ON e.sequence = d.sequence
          WHERE e.kind = 'document.put' AND json_valid(d.data) AND json_extract(e.data, '$.data') <> json(d.data)`,
  },
  {
    broken:
      "documents: version {version} of {name} of twin {twin_id} is older than the journal, and no base was kept of it",
    sql: `SELECT d.version, d.name, d.twin_id FROM documents d
          LEFT JOIN document_bases b ON b.twin_id = d.twin_id AND b.name = d.name
          WHERE d.sequence < ${BEGIN} AND (b.sequence IS NOT d.sequence OR b.version IS NOT d.version OR b.data <> d.data)`,
  },
  {
    broken: "events: {sequence} changes a document, and what it names as the change before is none of that document",
    sql: `SELECT e.sequence FROM events e JOIN events p ON p.sequence = e.data ->> '$.after'
          WHERE e.kind IN ('document.put', 'document.patched') AND (p.twin_id IS NOT e.twin_id OR NOT CASE p.kind
            WHEN 'document.deleted' THEN e.data ->> '$.version' = 1 AND EXISTS (
              SELECT 1 FROM json_each(p.data, '$.documents') WHERE value ->> '$.name' = e.data ->> '$.name')
            WHEN 'document.put' THEN p.data ->> '$.name' = e.data ->> '$.name' AND p.data ->> '$.version' = e.data ->> '$.version' - 1
            WHEN 'document.patched' THEN p.data ->> '$.name' = e.data ->> '$.name' AND p.data ->> '$.version' = e.data ->> '$.version' - 1
            ELSE 0 END)`,
  },
  {
    broken: "deleted_documents: {name} of twin {twin_id} is not deleted by what the journal has at {sequence}",
    sql: `SELECT d.name, d.twin_id, d.sequence FROM deleted_documents d LEFT JOIN events e ON e.sequence = d.sequence
          WHERE e.kind IS NOT 'document.deleted' OR e.twin_id IS NOT d.twin_id
            OR NOT EXISTS (SELECT 1 FROM json_each(e.data, '$.documents') WHERE value ->> '$.name' = d.name)`,
  },
  {
    broken: "deleted_documents: {name} of twin {twin_id} is there",
    sql: "SELECT name, twin_id FROM deleted_documents JOIN documents USING (twin_id, name)",
  },
  {
    broken: "document_bases: {name} of twin {twin_id} was kept of journal row {sequence}, which has not been cut",
    sql: `SELECT name, twin_id, sequence FROM document_bases WHERE sequence >= ${BEGIN}`,
  },
];
