/**
 * How a request is ordered among others. Once a `write` has begun it is in the store's queue, so the next may begin at
 * once. A `laborious` one is not, so the next waits until it has ended. A `read` must see the effects of all earlier
 * ones, and is complete once it has begun.
 */
export type RequestKind = "write" | "laborious" | "read";

type Waiting = { kindOf: () => RequestKind; begin: (kind: RequestKind) => Promise<void> };

/** The requests of one connection: they take effect and are answered in the order in which they arrived. */
export class RequestOrder {
  readonly #waiting: Waiting[] = [];
  #begun = 0;
  /** A laborious request has begun and is not answered. */
  #closed = false;
  /** Resolves when all requests that have begun are answered. */
  #answered: Promise<void> = Promise.resolve();

  /** Requests taken and not answered yet. */
  get unanswered(): number {
    return this.#waiting.length + this.#begun;
  }

  /**
   * Performs a request when its kind permits, and answers it after all earlier ones. `kindOf` is called just before it
   * begins. None of these may throw.
   */
  take<Outcome>(
    kindOf: () => RequestKind,
    perform: () => Promise<Outcome>,
    answer: (outcome: Outcome) => void,
  ): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const begin = async (kind: RequestKind) => {
      const earlier = this.#answered;
      this.#begun++;
      this.#closed = kind === "laborious";
      const outcome = await perform();
      await earlier;
      answer(outcome);
      this.#begun--;
      if (kind === "laborious") this.#closed = false;
      resolve(outcome);
      this.#beginWaiting();
    };
    this.#waiting.push({ kindOf, begin });
    this.#beginWaiting();
    return promise;
  }

  #beginWaiting(): void {
    for (let next = this.#waiting[0]; next && !this.#closed; next = this.#waiting[0]) {
      const kind = next.kindOf();
      if (kind === "read" && this.#begun > 0) return;
      this.#waiting.shift();
      this.#answered = next.begin(kind);
    }
  }
}
