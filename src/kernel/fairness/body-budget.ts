import { stopwatchMs } from "../clock.ts";
import { DomainError } from "../failure.ts";
import { AccountSerialQueues } from "./account-serial-queues.ts";
import { ByteWindow } from "./byte-window.ts";
import { FairQueue, type Owner } from "./fair-queue.ts";

/**
 * Maximum number of bytes of request bodies in progress at once, over all callers. Above it, large requests are refused
 * with `limited`.
 */
const BYTES_IN_WORK_MAX = 64 * 1024 * 1024;
/**
 * Maximum number of these bytes for one account. An account also never holds more than it leaves free, so that others
 * always find room.
 */
const BYTES_OF_ONE_MAX = BYTES_IN_WORK_MAX / 4;
/**
 * Each body larger than this begins in a separate turn of the event loop, so that many at once do not stall all other
 * requests.
 */
const LARGE_BYTES = 8 * 1024;
/**
 * Of bodies larger than this (only documents are), an account has one in progress at a time, from parsing to the
 * response: a megabyte of small objects takes twenty of memory once parsed, and requests that only wait for the store
 * must not hold that.
 */
const HUGE_BYTES = 128 * 1024;
/**
 * Bytes of large bodies in progress at once, in all and for one account; the rest wait unparsed. Parsed, 64 kB of small
 * members are thousands of objects, and with hundreds of such bodies the garbage collector would stop the process for
 * 50 to 100 ms. Two such bodies of one account are in progress at once: when eight finished together, their responses
 * held the event loop for 40 to 80 ms.
 */
const LARGE_IN_WORK_MAX = 8 * 1024 * 1024;
const LARGE_IN_WORK_OF_ONE_MAX = 128 * 1024;

/** Whether a body of this size waits before work on it begins. */
export const isLargeBody = (byteCount: number): boolean => byteCount > LARGE_BYTES;

/** The memory reserved for one body. */
export type Hold = {
  /** Reserves this many bytes more, or refuses with `limited`. */
  grow(byteCount: number): void;
  /** Releases all of it. */
  release(): void;
};

/** Limits what request bodies cost the process, in memory and in time, over all its protocols. */
export class BodyBudget {
  #taken = 0;
  readonly #takenBy = new Map<string, number>();
  readonly #huge = new AccountSerialQueues();
  readonly #large = new ByteWindow(LARGE_IN_WORK_MAX, LARGE_IN_WORK_OF_ONE_MAX);
  readonly #starts = new FairQueue<() => void>();
  #starting = false;

  /** Bytes reserved for all bodies now. */
  get byteCount(): number {
    return this.#taken;
  }

  /** An empty reservation, for a body that is still arriving. */
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

  /**
   * Reserves memory for a body of known size, or refuses with `limited`. The returned function releases it; call it
   * once the response is sent.
   */
  reserve(byteCount: number, accountId: string): () => void {
    const hold = this.hold(accountId);
    hold.grow(byteCount);
    return hold.release;
  }

  /**
   * Works on a body of this size as soon as the limits allow. Each large body begins in a separate turn of the event
   * loop, accounts in turn by the time they used; a huge one also waits until no other huge one of its account is in
   * progress.
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
