import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import { type FairSlices, UNFINISHED } from "../../kernel/fairness/fair-slices.ts";

/** Goes on until it has come to its end, or `isOver`. Returns whether it has. Never throws. */
type Work = (isOver: () => boolean) => boolean;

/** What a hub's messages have to do that is more than others should wait for: one after the other, in slices. */
export class FanOut {
  readonly #waiting: Work[] = [];

  /** A message that is published now has to wait for those before it. */
  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  add(slices: FairSlices, owner: Owner, work: Work): void {
    this.#waiting.push(work);
    if (this.#waiting.length > 1) return;
    void slices.run(owner, (isOver) => {
      for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
        if (!next(isOver)) return UNFINISHED;
        this.#waiting.shift();
        if (this.#waiting.length > 0 && isOver()) return UNFINISHED;
      }
      return null;
    });
  }
}
