import { dropDeadCredentials } from "../access/drop-dead-credentials.ts";
import type { Deps } from "../deps.ts";
import { keepDocumentBases } from "../documents/keep-bases.ts";
import { pruneEvents } from "../events/prune-events.ts";
import { keepMessageCounts } from "../hub/count-messages.ts";
import { finishHubDeletions } from "../hub/delete-hub.ts";
import { SYSTEM } from "../kernel/actor.ts";
import type { Job } from "./scheduler.ts";

/** Rows a job takes in one transaction, so that callers never wait long behind it. */
const SLICE = 500;

const dropCredentials: Job = {
  name: "drop_dead_credentials",
  schedule: "*/10 * * * *",
  run: async ({ store }) => {
    const { pins, tokens } = await store.write(dropDeadCredentials, SYSTEM, { limit: SLICE });
    return { done: pins + tokens, more: pins >= SLICE || tokens >= SLICE };
  },
};

/** The rooms that need something of what is cut. */
const prune = pruneEvents([keepDocumentBases]);

const cutJournal: Job = {
  name: "cut_journal",
  schedule: "17 * * * *",
  run: async ({ store, clock, config }: Deps) => {
    if (config.journalKeepMs === Number.POSITIVE_INFINITY) return { done: 0, more: false };
    const done = await store.write(prune, SYSTEM, { before: clock.now() - config.journalKeepMs, limit: SLICE });
    // A slice of large rows ends before it is full.
    return { done, more: done > 0 };
  },
};

const keepCounts: Job = {
  name: "keep_message_counts",
  schedule: "*/10 * * * *",
  run: async (deps) => {
    const done = await keepMessageCounts(deps);
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

export const JOBS: readonly Job[] = [dropCredentials, cutJournal, keepCounts, finishHubs];
