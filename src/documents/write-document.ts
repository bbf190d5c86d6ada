import type { Deps } from "../deps.ts";
import { ownerOfCaller } from "../kernel/fairness/fair-queue.ts";
import type { JsonText } from "../kernel/json-text.ts";
import type { Command } from "../store/sqlite/command.ts";
import type { DocumentActor } from "./document-command.ts";
import { type Document, type DocumentKey, findByteCount } from "./rows.ts";

/**
 * Reading, merging and writing a larger document takes milliseconds during which nothing else is served. So only one
 * such write is with the writer at a time, and accounts take turns. Measured with 64 clients that patch 1 MB each
 * without pause: a small write beside them waited 880 ms at the median and 978 ms at most; with turns 34 and 166. With
 * one at a time per account instead of one in all, five accounts filled the log faster than checkpoints emptied it, and
 * other writes waited for 10 s.
 */
const LARGE_BYTES = 32 * 1024;
/**
 * A queue of their own, so that other waiting writes of the same user or device do not delay the turns of other
 * accounts.
 */
const LARGE = "large documents";

type Write = DocumentKey & ({ data: JsonText } | { patch: JsonText });

/** Whether a write has to wait for its turn: the document that it puts or patches is large. */
export function isLargeWrite({ store }: Deps, input: Write): boolean {
  const byteCount = "data" in input ? input.data.length : store.read((reader) => findByteCount(reader, input));
  return byteCount > LARGE_BYTES;
}

/** Puts or patches a document by its command; a large one in its turn. Every surface writes documents through this. */
export function writeDocument<Input extends Write>(
  deps: Deps,
  command: Command<Input, Document>,
  actor: DocumentActor,
  input: Input,
): Promise<Document> {
  if (!isLargeWrite(deps, input)) return deps.store.write(command, actor, input);
  const owner = ownerOfCaller(actor);
  const waiting = { account: owner.account, member: LARGE };
  return deps.largeWrites.take(owner, () => deps.store.write(command, actor, input, waiting));
}
