import type { UserActor } from "../kernel/actor.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { assertOwner } from "./document-command.ts";
import { findWriteTarget, listDocuments } from "./rows.ts";

/** The names of all documents of an own twin, in order, including `_config` (specification 2.3). */
export function listDocumentNames(reader: Reader, actor: UserActor, twin: string): string[] {
  assertOwner(reader, findWriteTarget(reader, { twin, name: "" }), actor, twin);
  return listDocuments(reader, twin).map(({ name }) => name);
}
