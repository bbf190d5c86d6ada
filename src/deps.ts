import type { Config } from "./config.ts";
import type { Clock } from "./kernel/clock.ts";
import type { BodyBudget } from "./kernel/fairness/body-budget.ts";
import type { FairSlices } from "./kernel/fairness/fair-slices.ts";
import type { FairTurns } from "./kernel/fairness/fair-turns.ts";
import type { Log } from "./kernel/log.ts";
import type { Random } from "./kernel/random.ts";
import type { Tally } from "./kernel/tally.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Net } from "./platform/net.ts";
import type { Reader, Topic } from "./store/sqlite/sql.ts";
import type { Store } from "./store/store.ts";

/** What every door and job is handed: the store, and the world outside. */
export type Deps = {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly config: Config;
  /** What the server measures of itself, for whoever runs it. */
  readonly metrics: Metrics;
  /** Aborted as soon as the server is told to stop. */
  readonly stopping: AbortSignal;
  /** Messages of devices that are yet to be added to the metrics of their hubs. */
  readonly messages: Tally;
  /** What request bodies take of memory and time, at all doors together. */
  readonly bodies: BodyBudget;
  /** Writes of large documents, of which an account has one with the writer at a time. */
  readonly largeWrites: FairTurns;
  /** Long reads, which share the event loop in slices. */
  readonly slices: FairSlices;
  readonly net: Net;
  /** Signs user tokens (HS256). */
  readonly userTokenKey: Uint8Array;
};

/** Rows that a job takes in one transaction, so that callers never wait long behind it. */
export const JOB_SLICE = 100;

/** Work that time asks for. `run` does a bounded slice, safe to do twice, and answers whether there is more to do. */
export type Job = {
  readonly name: string;
  /** A cron expression. */
  readonly schedule: string;
  /** A topic that is woken when there is something to do before the next tick. Such a job also runs at the start. */
  readonly wokenBy?: Topic;
  /** The instant at which there is something to do, null if there will be nothing. Such a job runs then, and is woken when that changes. */
  readonly dueAt?: (reader: Reader) => number | null;
  readonly run: (deps: Deps) => Promise<{ done: number; more: boolean }>;
};
