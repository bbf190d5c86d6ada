import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import { type FairSlices, UNFINISHED } from "../../kernel/fairness/fair-slices.ts";

/** Works until it is done or `isOver`. Returns whether it is done. Never throws. */
type Work = (isOver: () => boolean) => boolean;

/** Long work for a hub's messages, done one after the other, in slices, so that others need not wait. */
export class FanOut {
  readonly #waiting: Work[] = [];

  /** Whether a message that is published now has to wait for earlier ones. */
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
