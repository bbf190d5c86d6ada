import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import { FairSlices, UNFINISHED } from "../../kernel/fairness/fair-slices.ts";
import type { FlushQueue } from "./flush-queue.ts";
import { ACCOUNT_REQUESTS_MAX, ADDRESS_REQUESTS_MAX, WorkWindow } from "./work-window.ts";

/** Reading time of one account, and of all, within one turn of the event loop. The rest is read in slices. */
const PART_MS = 2;
const TURN_MS = 3;

/** A participant in reading: an account, or an address while the connection is not authenticated. */
export type ReadShare = {
  readonly key: string;
  /** Its requests in progress. */
  readonly window: WorkWindow;
  /** The turn that `leftMs` belongs to. */
  turn: number;
  leftMs: number;
};

/**
 * Reads until nothing is left, it has to wait, or `isOver`. Returns true if `isOver` stopped it: then it is called
 * again.
 */
type Read = (isOver: () => boolean) => boolean;

/**
 * Schedules reading. Bytes are read at once while their account has time left in the event loop's turn. After that,
 * accounts take turns, weighted by the time that their packets take; within an account, its connections do.
 */
export class ReadScheduler {
  readonly slices = new FairSlices();
  readonly #shares = new Map<string, ReadShare>();
  readonly #turns: FlushQueue;
  #turn = -1;
  #leftMs = TURN_MS;

  constructor(turns: FlushQueue) {
    this.#turns = turns;
  }

  ofAccount(accountId: string): ReadShare {
    return this.#share(accountId, ACCOUNT_REQUESTS_MAX);
  }

  ofAddress(origin: string): ReadShare {
    return this.#share(`from ${origin}`, ADDRESS_REQUESTS_MAX);
  }

  #share(key: string, worksMax: number): ReadShare {
    let share = this.#shares.get(key);
    if (!share) {
      const window = new WorkWindow(worksMax, () => this.#shares.delete(key));
      share = { key, window, turn: -1, leftMs: 0 };
      this.#shares.set(key, share);
    }
    return share;
  }

  /** The number of accounts and addresses in memory. */
  get remembered(): number {
    return this.#shares.size;
  }

  /**
   * Milliseconds that may be spent on reading now; 0 if the share has used up this turn. The caller reports the time
   * with `charge`.
   */
  allowedMs(share: ReadShare): number {
    const turn = this.#turns.current();
    if (this.#turn !== turn) {
      this.#turn = turn;
      this.#leftMs = TURN_MS;
    }
    if (share.turn !== turn) {
      share.turn = turn;
      share.leftMs = PART_MS;
    }
    return Math.max(0, Math.min(share.leftMs, this.#leftMs));
  }

  charge(share: ReadShare, ms: number): void {
    share.leftMs -= ms;
    this.#leftMs -= ms;
  }

  /** Reads in slices, when it is the owner's turn, until all is read. */
  later(owner: Owner, read: Read): void {
    void this.slices.run(owner, (isOver) => (read(isOver) ? UNFINISHED : null));
  }
}
