import { findEvent } from "../journal/rows.ts";
import { assert } from "../kernel/assert.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { findBase, findNewest } from "./history-rows.ts";
import { type Change, changeOf } from "./journal.ts";
import { mergePatch } from "./merge-patch.ts";
import type { DocumentKey } from "./rows.ts";

type Step = { sequence: number; change: Change };
type PastDocument = { version: number; sequence: number; data: JsonObject };

/**
 * A past version of a document; if the name was deleted and created again, the newest state with that version.
 * Undefined if the journal does not reach back to it.
 */
export const rebuildVersion = (reader: Reader, key: DocumentKey, version: number): PastDocument | undefined =>
  rebuild(reader, key, ({ change }) => change.kind !== "document.deleted" && change.version === version);

/**
 * A document right after one of its journal rows; undefined if that row deleted it, or the journal does not reach back
 * to it.
 */
export const rebuildAt = (reader: Reader, key: DocumentKey, sequence: number): PastDocument | undefined =>
  rebuild(reader, key, (step) => step.sequence === sequence);

/** Goes back from the wanted change to the last one with whole data, then applies the patches after it. */
function rebuild(reader: Reader, key: DocumentKey, isWanted: (step: Step) => boolean): PastDocument | undefined {
  const patches: JsonObject[] = [];
  let wanted: Step | undefined;
  for (const step of stepsBack(reader, key)) {
    if (!wanted && !isWanted(step)) continue;
    wanted ??= step;
    const { change } = step;
    if (change.kind === "document.deleted") return undefined;
    if (change.kind === "document.put") {
      const data = patches.reduceRight(mergePatch, change.data);
      return { version: wanted.change.version, sequence: wanted.sequence, data };
    }
    patches.push(change.patch);
  }
  assert(!wanted, "a patch follows a put or the base that was kept of it");
  return undefined;
}

/** The changes of a document, newest first; where the journal was cut, the stored base stands for all earlier ones. */
function* stepsBack(reader: Reader, key: DocumentKey): Generator<Step> {
  for (let sequence = findNewest(reader, key) ?? null; sequence !== null; ) {
    const event = findEvent(reader, sequence);
    const change = event ? changeOf(event, key.name) : baseChange(reader, key, sequence);
    if (!change) return;
    yield { sequence, change };
    sequence = change.after;
  }
}

function baseChange(reader: Reader, key: DocumentKey, sequence: number): Change | undefined {
  const base = findBase(reader, key);
  if (base?.sequence !== sequence) return undefined;
  return { kind: "document.put", after: null, version: base.version, data: JSON.parse(base.data) };
}
