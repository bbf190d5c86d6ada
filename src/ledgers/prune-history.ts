import { JOB_SLICE, type Job } from "../deps.ts";
import { SYSTEM } from "../kernel/actor.ts";
import { durationMs } from "../kernel/duration.ts";
import { command } from "../store/sqlite/command.ts";
import { dropRecords } from "./changes/change-value.ts";
import type { EntryKey } from "./model/entry.ts";
import { listHistoryKeepers, saveValue } from "./model/rows.ts";

type Input = { after: EntryKey | null; limit: number };

const START: EntryKey = { twinId: "", accountId: "", name: "" };

/**
 * Drops the records that are older than their entries keep them, for at most `limit` entries after a key. Returns how
 * many records and the last key, null at the end.
 */
export const pruneHistory = command("prune_history", (tx, _actor, { after, limit }: Input) => {
  const entries = listHistoryKeepers(tx, after ?? START, limit);
  let dropped = 0;
  for (const entry of entries) {
    const after = dropRecords(tx, entry, tx.now - durationMs(entry.history as string));
    if (after !== entry) saveValue(tx, after);
    dropped += entry.recordCount - after.recordCount;
  }
  const last = entries.length === limit ? entries.at(-1) : undefined;
  return { dropped, last: last ? { twinId: last.twinId, accountId: last.accountId, name: last.name } : null };
});

/** Walks all entries that keep a history for a time, slice by slice. Until it comes by, reads leave out what is too old. */
export function pruneHistoryJob(): Job {
  let after: EntryKey | null = null;
  return {
    name: "prune_history",
    schedule: "37 3 * * *",
    run: async ({ store }) => {
      const { dropped, last } = await store.write(pruneHistory, SYSTEM, { after, limit: JOB_SLICE });
      after = last;
      return { done: dropped, more: last !== null };
    },
  };
}
