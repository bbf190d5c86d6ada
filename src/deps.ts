import type { Config } from "./config.ts";
import type { Clock } from "./kernel/clock.ts";
import type { BodyBudget } from "./kernel/fairness/body-budget.ts";
import type { FairSerialQueue } from "./kernel/fairness/fair-serial-queue.ts";
import type { FairSlices } from "./kernel/fairness/fair-slices.ts";
import type { Log } from "./kernel/log.ts";
import type { PendingCounts } from "./kernel/pending-counts.ts";
import type { Random } from "./kernel/random.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Net } from "./platform/net.ts";
import type { Reader, Topic } from "./store/sqlite/sql.ts";
import type { Store } from "./store/store.ts";

/** What every API and job receives: the store and the outside world. */
export type Deps = {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly config: Config;
  /** The server's own metrics, for its operator. */
  readonly metrics: Metrics;
  /** Aborted as soon as shutdown begins. */
  readonly stopping: AbortSignal;
  /** Device messages that have not been added to the metrics of their hubs yet. */
  readonly messages: PendingCounts;
  /** The memory and time that request bodies take, over all APIs. */
  readonly bodies: BodyBudget;
  /** Writes of large documents: an account has one with the writer at a time. */
  readonly largeWrites: FairSerialQueue;
  /** Long reads, which take turns on the event loop in slices. */
  readonly slices: FairSlices;
  readonly net: Net;
  /** Signs user tokens (HS256). */
  readonly userTokenKey: Uint8Array;
};

/** Rows that a job takes in one transaction, so that callers do not wait long behind it. */
export const JOB_SLICE = 100;

/** Scheduled work. `run` does a bounded slice, is idempotent, and returns whether there is more to do. */
export type Job = {
  readonly name: string;
  /** A cron expression. */
  readonly schedule: string;
  /** A topic that wakes the job before its next tick. Such a job also runs at the start. */
  readonly wokenBy?: Topic;
  /** The instant of the next work, or null if there is none. The job runs then; waking it makes it read this again. */
  readonly dueAt?: (reader: Reader) => number | null;
  readonly run: (deps: Deps) => Promise<{ done: number; more: boolean }>;
};
