import type { JsonText } from "../kernel/json-text.ts";
import { documentCommand } from "./document-command.ts";
import { dropDeletion, findDeletion } from "./history-rows.ts";
import { recordWrite } from "./journal.ts";
import { assertFits, assertRoom, type DocumentLimits } from "./limits.ts";
import { type Document, type DocumentKey, insertDocument, updateDocument } from "./rows.ts";
import { assertVersion, getWriteTarget } from "./write-target.ts";

type Input = DocumentKey & { version: number; data: JsonText; limits: DocumentLimits };

/**
 * Creates a document with version 1, or replaces it as a whole; with a version, only if that is the stored one
 * (specification 2.3, 2.4).
 */
export const putDocument = documentCommand("put_twin_document", (tx, actor, input: Input): Document => {
  const { twin, name, data, limits } = input;
  assertFits(data, limits);
  const place = getWriteTarget(tx, actor, input);
  assertVersion(input.version, place);
  const { accountId } = actor;
  const version = place.version + 1;
  const document = { twinId: twin, name, version, data };
  if (place.sequence !== null) {
    const written = { accountId, twin, name, version, after: place.sequence };
    updateDocument(tx, document, recordWrite(tx, actor, written, { member: "data", text: data }));
    return document;
  }
  assertRoom(tx, twin, limits);
  const deletion = findDeletion(tx, input);
  if (deletion !== undefined) dropDeletion(tx, input, deletion);
  const written = { accountId, twin, name, version, after: deletion ?? null };
  insertDocument(tx, accountId, document, recordWrite(tx, actor, written, { member: "data", text: data }));
  return document;
});
