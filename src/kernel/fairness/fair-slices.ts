import { stopwatchMs } from "../clock.ts";
import { FairQueue, type Owner } from "./fair-queue.ts";

/** Maximum time that a slice holds the event loop before it yields. */
const SLICE_MS = 2;

/** Returned by a step that has more work to do. */
export const UNFINISHED: unique symbol = Symbol("unfinished");

/**
 * Works until it is done or `isOver()` returns true. It asks after each small part, so each call does at least one
 * part.
 */
type Step<Result> = (isOver: () => boolean) => Result | typeof UNFINISHED;

type Work = { step: (isOver: () => boolean) => boolean; owner: Owner };

/**
 * Expensive reading on the event loop, in slices of at most 2 ms; after each slice the loop serves other work. Accounts
 * take turns, and within an account its members, measured by the time their slices took.
 */
export class FairSlices {
  readonly #queue = new FairQueue<Work>();
  #scheduled = false;

  /** Resolves with the result of the last step. Rejects with the error that a step throws. */
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
    setImmediate(() => this.#runSlice());
  }

  /** Runs steps until the slice is over: several works if they are short. */
  #runSlice(): void {
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
      setImmediate(() => this.#runSlice());
    }
  }
}
