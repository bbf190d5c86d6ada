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
