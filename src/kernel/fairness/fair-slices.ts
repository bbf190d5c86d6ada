import { stopwatchMs } from "../clock.ts";
import { FairQueue, type Owner } from "./fair-queue.ts";

/** So long a slice may keep the event loop; then whatever else waits there is served. */
const SLICE_MS = 2;

/** What a step returns that has not come to its end. */
export const UNFINISHED: unique symbol = Symbol("unfinished");

/** Works until it is done, or until `isOver`: which it asks after each small part, and at least one part is done each time. */
type Step<Result> = (isOver: () => boolean) => Result | typeof UNFINISHED;

type Work = { step: (isOver: () => boolean) => boolean; owner: Owner };

/**
 * Laborious reading on the event loop, in slices of at most 2 ms. After each, the loop serves what else waits. Accounts take turns, and within
 * an account its members, measured by the time that their slices took.
 */
export class FairSlices {
  readonly #queue = new FairQueue<Work>();
  #scheduled = false;

  /** Resolves with what the last step returns. Rejects with what a step throws. */
  run<Result>(owner: Owner, step: Step<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const finishes = (isOver: () => boolean) => {
        try {
          const result = step(isOver);
          if (result === UNFINISHED) return false;
          resolve(result);
        } catch (error) {
          reject(error);
        }
        return true;
      };
      this.#add({ step: finishes, owner });
    });
  }

  #add(work: Work): void {
    this.#queue.add(work, work.owner);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  /** Serves until the slice is over: several works if they are short. */
  #turn(): void {
    this.#scheduled = false;
    const end = stopwatchMs() + SLICE_MS;
    let began = end - SLICE_MS;
    do {
      const next = this.#queue.take();
      if (!next) return;
      const { step, owner } = next.item;
      const finished = step(() => stopwatchMs() >= end);
      const ended = stopwatchMs();
      next.charge(ended - began);
      began = ended;
      if (!finished) this.#queue.add(next.item, owner);
    } while (began < end);
    if (this.#queue.size > 0) {
      this.#scheduled = true;
      setImmediate(() => this.#turn());
    }
  }
}
