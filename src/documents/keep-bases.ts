import type { Keeper } from "../journal/prune-events.ts";
import type { StoredEvent } from "../journal/rows.ts";
import { assert } from "../kernel/assert.ts";
import { writeJson } from "../kernel/json-text.ts";
import type { Tx } from "../store/sqlite/sql.ts";
import { deleteBase, dropDeletion, findBase, saveBase } from "./history-rows.ts";
import { type Change, changeOf, namesIn } from "./journal.ts";
import { mergePatch } from "./merge-patch.ts";
import type { DocumentKey } from "./rows.ts";

/**
 * Stores each document's state at the journal rows that are about to be cut, so that every later version can be
 * rebuilt.
 */
export const keepDocumentBases: Keeper = (tx, event) => {
  let byteCount = 0;
  for (const name of namesIn(event)) {
    const key = { twin: event.twinId as string, name };
    byteCount += keepBase(tx, key, event, changeOf(event, name) as Change);
  }
  return byteCount;
};

function keepBase(tx: Tx, key: DocumentKey, { sequence }: StoredEvent, change: Change): number {
  if (change.kind === "document.deleted") {
    deleteBase(tx, key);
    dropDeletion(tx, key, sequence);
    return 0;
  }
  const data = writeJson(change.kind === "document.put" ? change.data : patchedBase(tx, key, change));
  saveBase(tx, key, { version: change.version, sequence, data });
  return data.length;
}

function patchedBase(tx: Tx, key: DocumentKey, { after, patch }: Extract<Change, { kind: "document.patched" }>) {
  const base = findBase(tx, key);
  assert(base?.sequence === after, "the journal is cut in order");
  return mergePatch(JSON.parse(base.data), patch);
}
