import { conflict, DomainError } from "../kernel/failure.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { assertOwner, type DocumentActor } from "./document-command.ts";
import { type DocumentKey, findWriteTarget, type WriteTarget } from "./rows.ts";

/** The target of a write: a document's place on an own twin. Refuses a terminated twin. */
export function getWriteTarget(reader: Reader, actor: DocumentActor, key: DocumentKey): WriteTarget {
  const place = assertOwner(reader, findWriteTarget(reader, key), actor, key.twin);
  if (place.terminated) throw conflict("precondition", "The Twin is terminated.");
  return place;
}

/** The version sent has to be the stored one; 0 is no condition (specification 2.4). */
export function assertVersion(expected: number, { version: actual }: WriteTarget): void {
  if (expected === 0 || expected === actual) return;
  throw new DomainError({ code: "version_mismatch", message: "document version mismatch", expected, actual });
}
