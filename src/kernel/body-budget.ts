import { DomainError } from "./failure.ts";
import { Turns } from "./turns.ts";

/** Bytes of request bodies that may be in work at once, over all callers; a flood of large ones is told to come back. */
const BYTES_IN_WORK_MAX = 64 * 1024 * 1024;
/** Of these, what one account may have: whoever sends slowly holds what they announced for as long as a minute. */
const BYTES_OF_ONE_MAX = BYTES_IN_WORK_MAX / 4;
/** A larger body waits for a turn of the event loop of its own, so that many at once do not stall everybody else. */
const LARGE_BYTES = 8 * 1024;
/**
 * A larger one yet (only documents are) is worked on alone, from its parsing to its answer: parsed, a megabyte of small objects
 * takes twenty of memory, and that must not be held by all who wait for the store.
 */
const HUGE_BYTES = 128 * 1024;

/** Whether work on a body of this size waits before it begins. */
export const isLargeBody = (byteCount: number): boolean => byteCount > LARGE_BYTES;

/** How much of the process the bodies of requests take, whatever door they came to: of its memory, and of its time. */
export class BodyBudget {
  #taken = 0;
  readonly #takenBy = new Map<string, number>();
  readonly #huge = new Turns();
  #lastTurn: Promise<void> = Promise.resolve();

  /** Sets memory aside for a body, or refuses with `limited`. What it answers gives it back, when the request has been answered. */
  reserve(byteCount: number, accountId: string): () => void {
    const own = this.#takenBy.get(accountId) ?? 0;
    if (this.#taken + byteCount > BYTES_IN_WORK_MAX || own + byteCount > BYTES_OF_ONE_MAX) {
      const message = "Too many large requests are in work; try again later.";
      throw new DomainError({ code: "limited", kind: "rate", message, retryAfterMs: 1000 });
    }
    this.#take(byteCount, accountId);
    return () => this.#take(-byteCount, accountId);
  }

  /**
   * Works on a body of this size when it may be: a large one begins in a turn of the event loop that no other large one has,
   * a huge one when no other huge one is worked on.
   */
  async work<Result>(byteCount: number, work: () => Promise<Result>): Promise<Result> {
    if (!isLargeBody(byteCount)) return work();
    const begin = async () => {
      await this.#turn();
      return work();
    };
    return byteCount <= HUGE_BYTES ? begin() : this.#huge.take(begin);
  }

  #turn(): Promise<void> {
    this.#lastTurn = this.#lastTurn.then(() => new Promise((done) => setImmediate(done)));
    return this.#lastTurn;
  }

  #take(byteCount: number, accountId: string): void {
    this.#taken += byteCount;
    const own = (this.#takenBy.get(accountId) ?? 0) + byteCount;
    if (own > 0) this.#takenBy.set(accountId, own);
    else this.#takenBy.delete(accountId);
  }
}
