import { JOB_SLICE, type Job } from "../deps.ts";
import { SYSTEM } from "../kernel/actor.ts";
import { command } from "../store/sqlite/command.ts";
import type { Tx } from "../store/sqlite/sql.ts";
import { deleteEventsThrough, findEvent, listOldest, type StoredEvent } from "./rows.ts";

/** Keeps what a room still needs of a journal row that is about to be cut, and answers how many bytes that took. */
export type Keeper = (tx: Tx, event: StoredEvent) => number;

/** What a slice of the cut may read and write, so that callers never wait long behind it. One row is always cut. */
const SLICE_BYTES_MAX = 256 * 1024;

/**
 * Cuts at most `limit` journal rows from before an instant, oldest first and never the newest, and answers how many there were.
 * Each is shown to the keepers before: rooms above this one name theirs in their manifests.
 */
export const pruneEvents = (keepers: readonly Keeper[]) =>
  command("prune_events", (tx, _actor, { before, limit }: { before: number; limit: number }): number => {
    let last: number | undefined;
    let bytes = 0;
    for (const { sequence, occurredAt, byteCount } of listOldest(tx, limit)) {
      if (occurredAt >= before || bytes > SLICE_BYTES_MAX) break;
      const event = findEvent(tx, sequence) as StoredEvent;
      bytes += byteCount + keepers.reduce((sum, keep) => sum + keep(tx, event), 0);
      last = sequence;
    }
    return last === undefined ? 0 : deleteEventsThrough(tx, last);
  });

/** Cuts what is older than the journal is kept. */
export const pruneEventsJob = (pruneJournal: ReturnType<typeof pruneEvents>): Job => ({
  name: "cut_journal",
  schedule: "17 * * * *",
  run: async ({ store, clock, config }) => {
    if (config.journalKeepMs === Number.POSITIVE_INFINITY) return { done: 0, more: false };
    const input = { before: clock.now() - config.journalKeepMs, limit: JOB_SLICE };
    const done = await store.write(pruneJournal, SYSTEM, input);
    // A slice of large rows ends before it is full.
    return { done, more: done > 0 };
  },
});
