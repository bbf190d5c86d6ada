import { notFound } from "../kernel/failure.ts";
import type { Reader } from "../store/sql.ts";
import { assertOwn, assertOwner, type DocumentActor } from "./document-command.ts";
import { type Document, type DocumentKey, findDocument } from "./rows.ts";

/** A document of an own twin, alive or terminated; a device gets its own twin's only (specification 2.3). */
export function getDocument(reader: Reader, actor: DocumentActor, key: DocumentKey): Document {
  assertOwn(actor, "get_twin_document", key.twin);
  const { version, data } = assertOwner(findDocument(reader, key), actor, key.twin);
  if (data === null) throw notFound("Document", key.name);
  return { twinId: key.twin, name: key.name, version, data };
}
