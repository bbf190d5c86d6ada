import { dropDeadCredentials } from "../access/secrets/drop-dead-credentials.ts";
import type { Deps, Job } from "../deps.ts";
import { keepDocumentBases } from "../documents/keep-bases.ts";
import { pruneEvents } from "../events/prune-events.ts";
import { finishHubDeletions } from "../hub/hubs/delete-hub.ts";
import { keepMessageCounts } from "../hub/metrics/count-messages.ts";
import { SYSTEM } from "../kernel/actor.ts";
import { sleep } from "../kernel/clock.ts";
import { copyReferences } from "../ledgers/copy-references.ts";
import type { EntryKey } from "../ledgers/model/entry.ts";
import { pruneHistory } from "../ledgers/prune-history.ts";
import {
  announceExpiry,
  expireSubscriptions,
  pruneDeliveries,
} from "../notifications/subscriptions/expire-subscriptions.ts";
import { expireStickers } from "../stickers/expire-stickers.ts";
import { nextExpiry } from "../stickers/rows.ts";

/** Rows per transaction of a job, so that callers never wait long behind it. */
const SLICE = 100;

const dropCredentials: Job = {
  name: "drop_dead_credentials",
  schedule: "*/10 * * * *",
  run: async ({ store }) => {
    const { pins, tokens } = await store.write(dropDeadCredentials, SYSTEM, { limit: SLICE });
    return { done: pins + tokens, more: pins >= SLICE || tokens >= SLICE };
  },
};

/** Includes the rooms that must save something before the journal is cut. */
export const pruneJournal = pruneEvents([keepDocumentBases]);

const cutJournal: Job = {
  name: "cut_journal",
  schedule: "17 * * * *",
  run: async ({ store, clock, config }: Deps) => {
    if (config.journalKeepMs === Number.POSITIVE_INFINITY) return { done: 0, more: false };
    const done = await store.write(pruneJournal, SYSTEM, { before: clock.now() - config.journalKeepMs, limit: SLICE });
    // A slice of large rows may end before it reaches its limit.
    return { done, more: done > 0 };
  },
};

/** Checking a reference walks its sources and evaluates rules, which costs more than other rows. */
const REFERENCES_SLICE = 100;
/** The time of one account's turn. */
const REFERENCES_TURN_MS = 3;

/** Woken by each change of a source; the schedule is a safety net. Accounts take turns of equal time. */
function copyLedgerReferences(): Job {
  let after = "";
  return {
    name: "copy_references",
    schedule: "7 */6 * * *",
    wokenBy: "references",
    run: async ({ store }) => {
      const input = { after, limit: REFERENCES_SLICE, ms: REFERENCES_TURN_MS };
      const slice = await store.write(copyReferences, SYSTEM, input);
      after = slice.after;
      return { done: slice.done, more: slice.more };
    },
  };
}

/**
 * Walks all entries that keep history for a limited time, slice by slice. Until it reaches an entry, reads leave out
 * what is too old.
 */
function pruneLedgerHistory(): Job {
  let after: EntryKey | null = null;
  return {
    name: "prune_history",
    schedule: "37 3 * * *",
    run: async ({ store }) => {
      const { dropped, last } = await store.write(pruneHistory, SYSTEM, { after, limit: SLICE });
      after = last;
      return { done: dropped, more: last !== null };
    },
  };
}

const keepCounts: Job = {
  name: "keep_message_counts",
  schedule: "*/10 * * * *",
  run: async (deps) => {
    const done = await keepMessageCounts(deps);
    return { done, more: done > 0 };
  },
};

const announceSubscriptionExpiry: Job = {
  name: "announce_expiry",
  schedule: "*/15 * * * *",
  run: async ({ store }) => {
    const done = await store.write(announceExpiry, SYSTEM, { limit: SLICE });
    return { done, more: done >= SLICE };
  },
};

const endLapsedSubscriptions: Job = {
  name: "expire_subscriptions",
  schedule: "3-59/15 * * * *",
  run: async ({ store }) => {
    const done = await store.write(expireSubscriptions, SYSTEM, { limit: SLICE });
    return { done, more: done > 0 };
  },
};

const finishHubs: Job = {
  name: "finish_hub_deletions",
  schedule: "27 * * * *",
  run: async (deps) => {
    const done = await finishHubDeletions(deps);
    return { done, more: done > 0 };
  },
};

/** Walks all deliveries that are old enough; the position is kept between slices and between hourly runs. */
function pruneOldDeliveries(): Job {
  let after = 0;
  return {
    name: "prune_deliveries",
    schedule: "47 * * * *",
    run: async ({ store, clock, config }) => {
      if (config.deliveriesKeepMs === Number.POSITIVE_INFINITY) return { done: 0, more: false };
      const input = { after, before: clock.now() - config.deliveriesKeepMs, limit: SLICE };
      const { count, last } = await store.write(pruneDeliveries, SYSTEM, input);
      after = last ?? 0;
      return { done: count, more: last !== null };
    },
  };
}

/**
 * Very many stickers may be due at once, and other work waits behind each slice, for the writer or a processor: so
 * slices are small and paced. Ten thousand take four seconds at this pace.
 */
const EXPIRIES_PER_MS = 2.3;
const EXPIRY_SLICE = 12;
/** On a slow disk more slices are written together, up to this many. */
const EXPIRY_SLICES_MAX = 60;
/** Expiries later than this take precedence: slices grow, and other work waits longer. */
const LATE_MS = 3500;
const EXPIRY_SLICE_LATE = 64;

/** Runs exactly when the next sticker is due; the schedule is a safety net for a clock that is set forward. */
function expireDueStickers(): Job {
  let slices = 1;
  let limit = EXPIRY_SLICE;
  return {
    name: "expire_stickers",
    schedule: "4-59/10 * * * *",
    wokenBy: "stickers",
    dueAt: nextExpiry,
    run: async ({ store, clock }) => {
      const began = clock.now();
      const asked = Array.from({ length: slices }, () => store.write(expireStickers, SYSTEM, { limit }));
      const expired = await Promise.all(asked);
      const tookMs = clock.now() - began;
      const done = expired.reduce((sum, slice) => sum + slice.done, 0);
      const more = expired.every((slice) => slice.more);
      const pauseMs = done / EXPIRIES_PER_MS - tookMs;
      slices = Math.min(EXPIRY_SLICES_MAX, Math.max(1, Math.ceil((tookMs * EXPIRIES_PER_MS) / limit)));
      limit = expired.some(({ lateMs }) => lateMs > LATE_MS) ? EXPIRY_SLICE_LATE : EXPIRY_SLICE;
      if (more && tookMs > 0 && pauseMs > 0) await sleep(clock, pauseMs);
      return { done, more };
    },
  };
}

export const jobs = (): readonly Job[] => [
  ...[dropCredentials, cutJournal, copyLedgerReferences(), pruneLedgerHistory(), expireDueStickers()],
  ...[keepCounts, finishHubs],
  ...[announceSubscriptionExpiry, endLapsedSubscriptions, pruneOldDeliveries()],
];
