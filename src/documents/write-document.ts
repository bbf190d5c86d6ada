import type { Deps } from "../deps.ts";
import { ownerOfCaller } from "../kernel/fairness/fair-queue.ts";
import type { JsonText } from "../kernel/json-text.ts";
import type { Command } from "../store/sqlite/command.ts";
import type { DocumentActor } from "./document-command.ts";
import { type Document, type DocumentKey, findByteCount } from "./rows.ts";

/**
 * A larger document takes milliseconds to read, merge and write, and nobody else is served meanwhile: of such one is with the writer at a time,
 * accounts in turn. Measured with 64 clients that patch 1 MB each, without end: a small write beside them waited 880 ms in the middle and 978 at
 * most; with turns 34 and 166. With one of each account, five accounts filled the log faster than it is moved, and others waited for 10 s.
 */
const LARGE_BYTES = 32 * 1024;
/** They wait by themselves: what else their user or device has waiting must not keep the turn of the others. */
const LARGE = "large documents";

type Write = DocumentKey & ({ data: JsonText } | { patch: JsonText });

/** Whether a write has to wait for its turn: the document is large that it puts, or that it patches. */
export function isLaborious({ store }: Deps, input: Write): boolean {
  const byteCount = "data" in input ? input.data.length : store.read((reader) => findByteCount(reader, input));
  return byteCount > LARGE_BYTES;
}

/** Puts or patches a document by its command; a large one when it is its turn. Every door writes documents through this. */
export function writeDocument<Input extends Write>(
  deps: Deps,
  command: Command<Input, Document>,
  actor: DocumentActor,
  input: Input,
): Promise<Document> {
  if (!isLaborious(deps, input)) return deps.store.write(command, actor, input);
  const owner = ownerOfCaller(actor);
  const waiting = { account: owner.account, member: LARGE };
  return deps.largeWrites.take(owner, () => deps.store.write(command, actor, input, waiting));
}
