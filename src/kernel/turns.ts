import { DomainError } from "./failure.ts";

/** Who may wait; the next one is told to come back. It bounds memory, and how long the last one waits. */
const WAITING_MAX = 1000;

/** Lets laborious work be done one at a time, so that what is quickly done finds a gap between any two. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Does the work when it is its turn. Refuses with `limited` if too many wait. */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= WAITING_MAX) {
      const message = "Too much laborious work is waiting; try again later.";
      throw new DomainError({ code: "limited", kind: "rate", message, retryAfterMs: 1000 });
    }
    this.#waiting++;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }
}
