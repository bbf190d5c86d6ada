import { notFound } from "../kernel/failure.ts";
import { type JsonText, writeJson } from "../kernel/json-text.ts";
import { documentCommand } from "./document-command.ts";
import { recordWrite } from "./journal.ts";
import { assertFits, type DocumentLimits } from "./limits.ts";
import { assertPatch, mergePatch } from "./merge-patch.ts";
import { type Document, type DocumentKey, getData, updateDocument } from "./rows.ts";
import { assertVersion, getWriteTarget } from "./write-target.ts";

/** The patch is text: parsed it may take twenty times as much memory while it is queued. */
type Input = DocumentKey & { version: number; patch: JsonText; limits: DocumentLimits };

/**
 * Merges a patch into a stored document; with a version, only if that is the stored one. Never creates a document
 * (specification 2.3 to 2.5).
 */
export const patchDocument = documentCommand("patch_twin_document", (tx, actor, input: Input): Document => {
  const { twin, name, limits } = input;
  const place = getWriteTarget(tx, actor, input);
  if (place.version === 0) throw notFound("Document", name);
  assertVersion(input.version, place);
  const patch = JSON.parse(input.patch);
  assertPatch(patch);
  const data = writeJson(mergePatch(JSON.parse(getData(tx, input)), patch));
  assertFits(data, limits);
  const document = { twinId: twin, name, version: place.version + 1, data };
  const written = { accountId: actor.accountId, twin, name, version: document.version, after: place.sequence };
  const sequence = recordWrite(tx, actor, written, { member: "patch", text: input.patch });
  updateDocument(tx, document, sequence);
  return document;
});
