import { parseCronExpression } from "cron-schedule";
import type { Deps } from "../deps.ts";
import type { Cancel } from "../kernel/clock.ts";
import { describeError } from "../kernel/failure.ts";
import type { Topic } from "../store/sql.ts";

/** Work that time asks for. `run` does a bounded slice, safe to do twice, and answers whether there is more to do. */
export type Job = {
  readonly name: string;
  /** A cron expression. */
  readonly schedule: string;
  /** A topic that is woken when there is something to do before the next tick. Such a job also runs at the start. */
  readonly wokenBy?: Topic;
  readonly run: (deps: Deps) => Promise<{ done: number; more: boolean }>;
};

/** Runs jobs by the clock it is handed. A job never overlaps itself: a tick that comes while it runs is left out. */
export class Scheduler {
  readonly #deps: Deps;
  readonly #jobs: readonly Job[];
  readonly #timers = new Map<Job, Cancel>();
  readonly #running = new Map<Job, Promise<void>>();
  /** Woken while they ran: what they were woken for may have come after their last slice. */
  readonly #woken = new Set<Job>();
  readonly #listening: Cancel[] = [];
  #stopped = true;

  constructor(deps: Deps, jobs: readonly Job[]) {
    this.#deps = deps;
    this.#jobs = jobs;
  }

  start(): void {
    this.#stopped = false;
    for (const job of this.#jobs) {
      this.#arm(job);
      if (!job.wokenBy) continue;
      this.#listening.push(this.#deps.store.onWake(job.wokenBy, () => this.#wake(job)));
      // For what was left when the server stopped.
      this.#begin(job);
    }
  }

  /** Starts nothing more, and resolves when what runs has finished its slice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cancel of [...this.#timers.values(), ...this.#listening.splice(0)]) cancel();
    await Promise.all(this.#running.values());
  }

  /** Resolves when everything that runs now has finished. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  #arm(job: Job): void {
    const { clock } = this.#deps;
    const next = parseCronExpression(job.schedule).getNextDate(new Date(clock.now()));
    const tick = () => {
      this.#begin(job);
      this.#arm(job);
    };
    this.#timers.set(job, clock.at(next.getTime(), tick));
  }

  #wake(job: Job): void {
    if (this.#running.has(job)) this.#woken.add(job);
    else this.#begin(job);
  }

  #begin(job: Job): void {
    if (this.#running.has(job)) return;
    const run = this.#run(job).finally(() => this.#running.delete(job));
    this.#running.set(job, run);
  }

  /** A failed job is logged and tried again at its next tick. */
  async #run(job: Job): Promise<void> {
    const { log } = this.#deps;
    let done = 0;
    try {
      for (let more = true; more && !this.#stopped; ) {
        const slice = await job.run(this.#deps);
        done += slice.done;
        more = slice.more || this.#woken.delete(job);
      }
      if (done > 0) log.info("job.done", { job: job.name, done });
    } catch (error) {
      log.error("job.failed", { job: job.name, done, error: describeError(error) });
    }
  }
}
