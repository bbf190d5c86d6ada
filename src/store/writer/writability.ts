import type { Clock } from "../../kernel/clock.ts";
import { command } from "../sqlite/command.ts";

/** `refused`: what was written last could not be stored. `late`: the disk does not answer. */
export type Writable = "yes" | "refused" | "late";

/** The newest that is known of a write is believed for so long. It bounds how often we write for nothing but to know. */
const BELIEVED_MS = 2000;
/** Longer than this no healthy disk takes; whoever asks wants an answer. */
const PATIENCE_MS = 2000;

/** Writes a row and takes it back: the database stays as it is, and yet there is a commit that has to reach the disk. */
export const proveWritable = command("prove_writable", (tx) => {
  tx.run("INSERT INTO sealed_keys (name, sealed) VALUES ('proof', '')");
  tx.run("DELETE FROM sealed_keys WHERE name = 'proof'");
});

/**
 * Whether writes reach the disk. The newest group of commands tells, as long as that is news; after that, a write of our own. Without it a
 * server that nobody writes to would be taken for writable when its disk has long been full, and one that nobody is led to any more, because
 * a write failed, would never be found to have recovered. A tiny write proves that a tiny one can be stored: where there is no room for
 * a large one, that is found out by whoever sends it.
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

  /** Whether the newest group that had something to write was lost. */
  get failed(): boolean {
    return this.#failed;
  }

  /** A group is on disk, or lost. */
  learn(failed: boolean): void {
    this.#failed = failed;
    this.#knownAt = this.#clock.now();
  }

  async ask(): Promise<Writable> {
    // Of either sign: a clock that was set back says nothing of how old it is.
    const isNews = Math.abs(this.#clock.now() - this.#knownAt) < BELIEVED_MS;
    if (!isNews && !(await this.#proven())) return "late";
    return this.#failed ? "refused" : "yes";
  }

  /** Whether there is an outcome in time. All who ask meanwhile wait for the same write. */
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
    const cancel = this.#clock.at(this.#clock.now() + PATIENCE_MS, () => resolve(false));
    return Promise.race([this.#proving.then(() => true), late]).finally(cancel);
  }
}
