import { record } from "../journal/record.ts";
import type { StoredEvent } from "../journal/rows.ts";
import type { Actor } from "../kernel/actor.ts";
import type { JsonObject } from "../kernel/json.ts";
import { type JsonText, withRawJson } from "../kernel/json-text.ts";
import type { Tx } from "../store/sqlite/sql.ts";
import type { DocumentKey } from "./rows.ts";

// Journal rows of documents. Each row names the previous one of the same document (`after`), so a history is followed
// from row to row without an index on the journal, which every write of every kind would pay for.

export type Change =
  | { kind: "document.put"; after: number | null; version: number; data: JsonObject }
  | { kind: "document.patched"; after: number | null; version: number; patch: JsonObject }
  | { kind: "document.deleted"; after: number | null; version: number };

type Written = DocumentKey & { accountId: string; version: number; after: number | null };
type Content = { member: "data" | "patch"; text: JsonText };
type Deleted = { name: string; version: number; after: number };

/** Journals a put or a patch and returns the row's sequence. */
export function recordWrite(tx: Tx, actor: Actor, written: Written, { member, text }: Content): number {
  const { accountId, twin, name, version, after } = written;
  const kind = member === "data" ? "document.put" : "document.patched";
  const data = withRawJson({ name, version, after }, { [member]: text });
  return record(tx, actor, { kind, accountId, twinId: twin, data });
}

/** Journals the deletion of one or more documents of a twin in one row and returns its sequence. */
export const recordDeletion = (tx: Tx, actor: Actor, accountId: string, twin: string, documents: Deleted[]): number =>
  record(tx, actor, { kind: "document.deleted", accountId, twinId: twin, data: { documents } });

/** The change of one document in a journal row; undefined if the row is about something else. */
export function changeOf(event: StoredEvent, name: string): Change | undefined {
  const data = JSON.parse(event.data);
  if (event.kind === "document.deleted") {
    const deleted = (data.documents as Deleted[]).find((document) => document.name === name);
    return deleted && { kind: event.kind, version: deleted.version, after: deleted.after };
  }
  if (event.kind !== "document.put" && event.kind !== "document.patched") return undefined;
  return data.name === name ? { kind: event.kind, ...data } : undefined;
}

/** The documents that a journal row is about. */
export function namesIn(event: StoredEvent): string[] {
  if (!event.kind.startsWith("document.")) return [];
  const data = JSON.parse(event.data);
  return event.kind === "document.deleted" ? (data.documents as Deleted[]).map(({ name }) => name) : [data.name];
}

/** `recordWrite` writes these members first, in this order; the rest of the text must stay exactly as it is. */
const AFTER = /^(\{"name":"(?:[^"\\]|\\.)*","version":\d+,"after":)(\d+)/;

/** A journal row's data with its references to other rows renumbered, for an import into another database. */
export function renumberReferences(kind: string, data: string, renumber: (sequence: number) => number): string {
  if (kind === "document.put" || kind === "document.patched") {
    return data.replace(AFTER, (_, before, sequence) => `${before}${renumber(Number(sequence))}`);
  }
  if (kind !== "document.deleted") return data;
  const { documents } = JSON.parse(data) as { documents: Deleted[] };
  return JSON.stringify({ documents: documents.map((document) => ({ ...document, after: renumber(document.after) })) });
}
