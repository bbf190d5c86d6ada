import { stopwatchMs } from "../clock.ts";
import { DomainError } from "../failure.ts";
import { AccountTurns } from "./account-turns.ts";
import { ByteWindow } from "./byte-window.ts";
import { FairQueue, type Owner } from "./fair-queue.ts";

/** Bytes of request bodies that may be in work at once, over all callers; a flood of large ones is told to come back. */
const BYTES_IN_WORK_MAX = 64 * 1024 * 1024;
/** Of these, what one account may have at most. It may never have more than it leaves free, so that others always find room. */
const BYTES_OF_ONE_MAX = BYTES_IN_WORK_MAX / 4;
/** A larger body waits for a turn of the event loop of its own, so that many at once do not stall everybody else. */
const LARGE_BYTES = 8 * 1024;
/**
 * Of larger ones yet (only documents are) an account has one in work, from its parsing to its answer: parsed, a megabyte of small objects
 * takes twenty of memory, and that must not be held by all who wait for the store.
 */
const HUGE_BYTES = 128 * 1024;
/**
 * Of large bodies, so much may be in work at once, and of one account: the rest waits as bytes. Parsed, 64 kB of small members are thousands of
 * objects, and hundreds of such bodies would have the garbage collector stop everybody for 50 to 100 ms. Of one account two are in work: eight
 * ended together, and their answers kept the event loop for 40 to 80 ms.
 */
const LARGE_IN_WORK_MAX = 8 * 1024 * 1024;
const LARGE_IN_WORK_OF_ONE_MAX = 128 * 1024;

/** Whether work on a body of this size waits before it begins. */
export const isLargeBody = (byteCount: number): boolean => byteCount > LARGE_BYTES;

/** Memory that a body takes, of what all bodies may take. */
export type Hold = {
  /** Takes so much more, or refuses with `limited`. */
  grow(byteCount: number): void;
  /** Gives back all of it. */
  release(): void;
};

/** How much of the process the bodies of requests take, whatever door they came to: of its memory, and of its time. */
export class BodyBudget {
  #taken = 0;
  readonly #takenBy = new Map<string, number>();
  readonly #huge = new AccountTurns();
  readonly #large = new ByteWindow(LARGE_IN_WORK_MAX, LARGE_IN_WORK_OF_ONE_MAX);
  readonly #starts = new FairQueue<() => void>();
  #starting = false;

  /** Bytes that all bodies take now. */
  get byteCount(): number {
    return this.#taken;
  }

  /** A hold on nothing yet, for a body that arrives. */
  hold(accountId: string): Hold {
    let held = 0;
    return {
      grow: (byteCount) => {
        this.#assertRoom(byteCount, accountId);
        this.#take(byteCount, accountId);
        held += byteCount;
      },
      release: () => {
        this.#take(-held, accountId);
        held = 0;
      },
    };
  }

  /** Sets memory aside for a body that has come, or refuses with `limited`. What it returns gives it back, when the request has been answered. */
  reserve(byteCount: number, accountId: string): () => void {
    const hold = this.hold(accountId);
    hold.grow(byteCount);
    return hold.release;
  }

  /**
   * Works on a body of this size when it may be: a large one begins in a turn of the event loop that no other large one has, accounts in turn
   * by the time that theirs took; a huge one when no other huge one of its account is worked on.
   */
  async work<Result>(byteCount: number, owner: Owner, work: () => Promise<Result>): Promise<Result> {
    if (!isLargeBody(byteCount)) return work();
    const begin = () => this.#begin(owner, work);
    if (byteCount > HUGE_BYTES) return this.#huge.take(owner, begin);
    return this.#large.run(owner.account, byteCount, begin);
  }

  #begin<Result>(owner: Owner, work: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#starts.add(() => void work().then(resolve, reject), owner);
      if (!this.#starting) this.#startNext();
    });
  }

  #startNext(): void {
    this.#starting = this.#starts.size > 0;
    if (!this.#starting) return;
    setImmediate(() => {
      const next = this.#starts.take();
      const began = stopwatchMs();
      next?.item();
      next?.charge(stopwatchMs() - began);
      this.#startNext();
    });
  }

  #assertRoom(byteCount: number, accountId: string): void {
    const own = this.#takenBy.get(accountId) ?? 0;
    const left = BYTES_IN_WORK_MAX - this.#taken - byteCount;
    if (own + byteCount <= Math.min(BYTES_OF_ONE_MAX, left)) return;
    const message = "Too many large requests are in work; try again later.";
    throw new DomainError({ code: "limited", kind: "rate", message, retryAfterMs: 1000 });
  }

  #take(byteCount: number, accountId: string): void {
    this.#taken += byteCount;
    const own = (this.#takenBy.get(accountId) ?? 0) + byteCount;
    if (own > 0) this.#takenBy.set(accountId, own);
    else this.#takenBy.delete(accountId);
  }
}
