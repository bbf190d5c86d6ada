import { notFound } from "../kernel/failure.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { assertOwn, assertOwner, assertTwinVisible, type DocumentActor } from "./document-command.ts";
import { type Document, type DocumentKey, findDocument, findPlace } from "./rows.ts";

/** A document of an own twin, alive or terminated; a device gets its own twin's only (specification 2.3). */
export function getDocument(reader: Reader, actor: DocumentActor, key: DocumentKey): Document {
  assertOwn(actor, "get_twin_document", key.twin);
  const document = findDocument(reader, actor.accountId, key);
  if (document) {
    assertTwinVisible(reader, actor, key.twin);
    return document;
  }
  // Only who is told that there is nothing waits for the answer what is missing.
  assertOwner(reader, findPlace(reader, key), actor, key.twin);
  throw notFound("Document", key.name);
}
