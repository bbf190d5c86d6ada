import { JOB_SLICE, type Job } from "../deps.ts";
import { SYSTEM } from "../kernel/actor.ts";
import { command } from "../store/sqlite/command.ts";
import type { Tx } from "../store/sqlite/sql.ts";
import { deleteEventsThrough, findEvent, listOldestEvents, type StoredEvent } from "./rows.ts";

/** Saves what a room still needs of a journal row before it is deleted. Returns how many bytes that took. */
export type Keeper = (tx: Tx, event: StoredEvent) => number;

/**
 * Maximum bytes that one pruning command reads and writes, so that callers do not wait long for it. At least one row is
 * always deleted.
 */
const SLICE_BYTES_MAX = 256 * 1024;

/**
 * Deletes at most `limit` journal rows older than an instant, oldest first and never the newest. Returns how many. Each
 * row is passed to the keepers first, which rooms above this one name in their manifests.
 */
export const pruneEvents = (keepers: readonly Keeper[]) =>
  command("prune_events", (tx, _actor, { before, limit }: { before: number; limit: number }): number => {
    let last: number | undefined;
    let bytes = 0;
    for (const { sequence, occurredAt, byteCount } of listOldestEvents(tx, limit)) {
      if (occurredAt >= before || bytes > SLICE_BYTES_MAX) break;
      const event = findEvent(tx, sequence) as StoredEvent;
      bytes += byteCount + keepers.reduce((sum, keep) => sum + keep(tx, event), 0);
      last = sequence;
    }
    return last === undefined ? 0 : deleteEventsThrough(tx, last);
  });

/** Deletes journal rows that are older than the retention. */
export const pruneEventsJob = (pruneJournal: ReturnType<typeof pruneEvents>): Job => ({
  name: "cut_journal",
  schedule: "17 * * * *",
  run: async ({ store, clock, config }) => {
    if (config.journalKeepMs === Number.POSITIVE_INFINITY) return { done: 0, more: false };
    const input = { before: clock.now() - config.journalKeepMs, limit: JOB_SLICE };
    const done = await store.write(pruneJournal, SYSTEM, input);
    // A slice with large rows stops before its row limit, so a short slice does not mean that nothing is left.
    return { done, more: done > 0 };
  },
});
