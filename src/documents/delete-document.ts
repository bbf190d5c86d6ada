import { notFound } from "../kernel/failure.ts";
import { documentCommand } from "./document-command.ts";
import { dropDocuments } from "./drop-documents.ts";
import type { DocumentKey } from "./rows.ts";
import { assertVersion, getWriteTarget } from "./write-target.ts";

type Input = DocumentKey & { version: number };

/**
 * Deletes a document; with a version, only if that is the stored one. A later put starts at version 1 again
 * (specification 2.3).
 */
export const deleteDocument = documentCommand("delete_twin_document", (tx, actor, input: Input): null => {
  const { twin, name, version } = input;
  const place = getWriteTarget(tx, actor, input);
  assertVersion(version, place);
  if (place.sequence === null) throw notFound("Document", name);
  dropDocuments(tx, actor, { accountId: actor.accountId, twin }, [
    { name, version: place.version, sequence: place.sequence },
  ]);
  return null;
});
