import { notFound } from "../kernel/failure.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { assertOwn, assertOwner, assertTwinVisible, type DocumentActor } from "./document-command.ts";
import { type Document, type DocumentKey, findDocument, findWriteTarget } from "./rows.ts";

/** A document of an own twin, active or terminated; a device gets its own twin's only (specification 2.3). */
export function getDocument(reader: Reader, actor: DocumentActor, key: DocumentKey): Document {
  assertOwn(actor, "get_twin_document", key.twin);
  const document = findDocument(reader, actor.accountId, key);
  if (document) {
    assertTwinVisible(reader, actor, key.twin);
    return document;
  }
  // Find out what is missing only on the not-found path.
  assertOwner(reader, findWriteTarget(reader, key), actor, key.twin);
  throw notFound("Document", key.name);
}
