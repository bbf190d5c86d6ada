import { parseCronExpression } from "cron-schedule";
import type { Deps } from "../deps.ts";
import type { Cancel } from "../kernel/clock.ts";
import { describeError } from "../kernel/failure.ts";

/** Work that time asks for. `run` does a bounded slice, safe to do twice, and answers whether there is more to do. */
export type Job = {
  readonly name: string;
  /** A cron expression. */
  readonly schedule: string;
  readonly run: (deps: Deps) => Promise<{ done: number; more: boolean }>;
};

/** Runs jobs by the clock it is handed. A job never overlaps itself: a tick that comes while it runs is left out. */
export class Scheduler {
  readonly #deps: Deps;
  readonly #jobs: readonly Job[];
  readonly #timers = new Map<Job, Cancel>();
  readonly #running = new Map<Job, Promise<void>>();
  #stopped = true;

  constructor(deps: Deps, jobs: readonly Job[]) {
    this.#deps = deps;
    this.#jobs = jobs;
  }

  start(): void {
    this.#stopped = false;
    for (const job of this.#jobs) this.#arm(job);
  }

  /** Starts nothing more, and resolves when what runs has finished its slice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cancel of this.#timers.values()) cancel();
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
      if (!this.#running.has(job)) {
        const run = this.#run(job).finally(() => this.#running.delete(job));
        this.#running.set(job, run);
      }
      this.#arm(job);
    };
    this.#timers.set(job, clock.at(next.getTime(), tick));
  }

  /** A failed job is logged and tried again at its next tick. */
  async #run(job: Job): Promise<void> {
    const { log } = this.#deps;
    let done = 0;
    try {
      for (let more = true; more && !this.#stopped; ) {
        const slice = await job.run(this.#deps);
        done += slice.done;
        more = slice.more;
      }
      if (done > 0) log.info("job.done", { job: job.name, done });
    } catch (error) {
      log.error("job.failed", { job: job.name, done, error: describeError(error) });
    }
  }
}
