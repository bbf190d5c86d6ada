import { parseCronExpression } from "cron-schedule";
import type { Deps, Job } from "../deps.ts";
import type { Cancel } from "../kernel/clock.ts";
import { describeError } from "../kernel/failure.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { type JobMetrics, jobMetrics } from "./job-metrics.ts";

/** A job that failed when it was due is overdue: waiting for its next tick would be too long. */
const RETRY_MS = 500;

/** Runs jobs by the injected clock. A job never overlaps itself: a tick while it runs is skipped. */
export class Scheduler {
  readonly #deps: Deps;
  readonly #jobs: readonly Job[];
  readonly #metrics: ReadonlyMap<Job, JobMetrics>;
  readonly #timers = new Map<Job, Cancel>();
  readonly #dueTimers = new Map<Job, Cancel>();
  readonly #running = new Map<Job, Promise<void>>();
  /** Jobs woken while they ran: the new work may have come after their last slice. */
  readonly #woken = new Set<Job>();
  readonly #listening: Cancel[] = [];
  #stopped = true;

  constructor(deps: Deps, jobs: readonly Job[]) {
    this.#deps = deps;
    this.#jobs = jobs;
    this.#metrics = new Map(jobs.map((job) => [job, jobMetrics(deps.metrics, job.name)]));
  }

  start(): void {
    this.#stopped = false;
    for (const job of this.#jobs) {
      this.#arm(job);
      if (!job.wokenBy) continue;
      this.#listening.push(this.#deps.store.onWake(job.wokenBy, () => this.#wake(job)));
      // For work that was left when the server stopped.
      this.#wake(job);
    }
  }

  /** Starts no more jobs, and resolves when running jobs have finished their slices. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const timers = [...this.#timers.values(), ...this.#dueTimers.values()];
    for (const cancel of [...timers, ...this.#listening.splice(0)]) cancel();
    await Promise.all(this.#running.values());
  }

  /** Resolves when everything that runs now has finished. */
  async settled(): Promise<void> {
    // A finished job may have started another run for work that came due meanwhile.
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  #arm(job: Job): void {
    const { clock } = this.#deps;
    const cron = parseCronExpression(job.schedule);
    const armNext = () => {
      const next = cron.getNextDate(new Date(clock.now()));
      this.#timers.set(job, clock.at(next.getTime(), tick));
    };
    const tick = () => {
      this.#begin(job);
      armNext();
    };
    armNext();
  }

  #wake(job: Job): void {
    if (this.#running.has(job)) this.#woken.add(job);
    else if (job.dueAt) this.#await(job, job.dueAt);
    else this.#begin(job);
  }

  /** Schedules the job for the instant at which it is due, or runs it now if that has passed. */
  #await(job: Job, dueAt: (reader: Reader) => number | null): void {
    this.#dueTimers.get(job)?.();
    const { store, clock } = this.#deps;
    const at = store.read(dueAt);
    if (at === null || this.#stopped) this.#dueTimers.delete(job);
    else if (at <= clock.now()) this.#begin(job);
    else
      this.#dueTimers.set(
        job,
        clock.at(at, () => this.#begin(job)),
      );
  }

  #begin(job: Job): void {
    if (this.#running.has(job)) return;
    const run = this.#run(job).then((succeeded) => {
      this.#running.delete(job);
      if (!job.dueAt || this.#stopped) return;
      if (succeeded) this.#await(job, job.dueAt);
      else
        this.#dueTimers.set(
          job,
          this.#deps.clock.at(this.#deps.clock.now() + RETRY_MS, () => this.#begin(job)),
        );
    });
    this.#running.set(job, run);
  }

  /** Runs a job until it has no more work. Returns false if it failed; the failure is logged. */
  async #run(job: Job): Promise<boolean> {
    const { log } = this.#deps;
    const counts = this.#metrics.get(job) as JobMetrics;
    let done = 0;
    try {
      for (let more = true; more && !this.#stopped; ) {
        const slice = await job.run(this.#deps);
        done += slice.done;
        counts.items.add(slice.done);
        more = slice.more || this.#woken.delete(job);
      }
      counts.done.add();
      if (done > 0) log.info("job.done", { job: job.name, done });
      return true;
    } catch (error) {
      counts.failed.add();
      log.error("job.failed", { job: job.name, done, error: describeError(error) });
      return false;
    }
  }
}
