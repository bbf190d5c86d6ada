import type { Clock } from "../../kernel/clock.ts";
import { command } from "../sqlite/command.ts";

/** `refused`: the last write could not be stored. `late`: the disk does not respond. */
export type Writable = "yes" | "refused" | "late";

/** How long the last known outcome is trusted. Bounds how often a row is written for this check only. */
const TRUSTED_MS = 2000;
/** No healthy disk takes longer than this, and the caller needs an answer. */
const ANSWER_WAIT_MAX_MS = 2000;

/** Inserts a row and deletes it: the database stays unchanged, but the commit has to reach the disk. */
export const proveWritable = command("prove_writable", (tx) => {
  tx.run("INSERT INTO sealed_keys (name, sealed) VALUES ('proof', '')");
  tx.run("DELETE FROM sealed_keys WHERE name = 'proof'");
});

/**
 * Whether writes reach the disk. A recent group of commands shows it; otherwise a probe write does. Without the probe,
 * an idle server would count as writable long after its disk is full, and one that gets no more requests because a
 * write failed would never be seen to recover. A probe only proves that a tiny write can be stored: a large one may
 * still fail for lack of space.
 */
export class Writability {
  readonly #clock: Clock;
  readonly #prove: () => Promise<unknown>;
  #failed = false;
  #knownAt = Number.NEGATIVE_INFINITY;
  #proving: Promise<void> | undefined;

  constructor(clock: Clock, prove: () => Promise<unknown>) {
    this.#clock = clock;
    this.#prove = prove;
  }

  /** Whether the newest group that wrote something was lost. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Records that a group is on disk, or lost. */
  learn(failed: boolean): void {
    this.#failed = failed;
    this.#knownAt = this.#clock.now();
  }

  async ask(): Promise<Writable> {
    // Absolute: after the clock was set back the age is negative, and such an outcome must not be trusted for longer.
    const isRecent = Math.abs(this.#clock.now() - this.#knownAt) < TRUSTED_MS;
    if (!isRecent && !(await this.#proven())) return "late";
    return this.#failed ? "refused" : "yes";
  }

  /** Whether there is an outcome in time. Concurrent callers wait for the same write. */
  async #proven(): Promise<boolean> {
    this.#proving ??= this.#prove()
      .then(
        () => this.learn(false),
        () => this.learn(true),
      )
      .finally(() => {
        this.#proving = undefined;
      });
    const { promise: late, resolve } = Promise.withResolvers<false>();
    const cancel = this.#clock.at(this.#clock.now() + ANSWER_WAIT_MAX_MS, () => resolve(false));
    return Promise.race([this.#proving.then(() => true), late]).finally(cancel);
  }
}
