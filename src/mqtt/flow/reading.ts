import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import { FairSlices, UNFINISHED } from "../../kernel/fairness/fair-slices.ts";
import type { Turn } from "./turn.ts";
import { WORKS_OF_ACCOUNT_MAX, WORKS_OF_ADDRESS_MAX, WorkWindow } from "./work-window.ts";

/** What is read of one account, and of all, in the turn of the event loop in which it comes. The rest is read in slices. */
const PART_MS = 2;
const TURN_MS = 3;

/** One who shares the reading: an account, or an address as long as it is not known whose it is. */
export type Share = {
  readonly key: string;
  /** What is in work of it. */
  readonly window: WorkWindow;
  /** The turn for which `leftMs` counts. */
  turn: number;
  leftMs: number;
};

/** Reads, until nothing is left, something has to be waited for, or `isOver`. Returns whether it was the last: then it is called again. */
type Read = (isOver: () => boolean) => boolean;

/**
 * When connections are read. What comes is read at once, as long as its account has not had its part of the event loop's turn; then accounts
 * take turns by the time that their packets take, and within an account its connections.
 */
export class Reading {
  readonly slices = new FairSlices();
  readonly #shares = new Map<string, Share>();
  readonly #turns: Turn;
  #turn = -1;
  #leftMs = TURN_MS;

  constructor(turns: Turn) {
    this.#turns = turns;
  }

  ofAccount(accountId: string): Share {
    return this.#share(accountId, WORKS_OF_ACCOUNT_MAX);
  }

  ofAddress(origin: string): Share {
    return this.#share(`from ${origin}`, WORKS_OF_ADDRESS_MAX);
  }

  #share(key: string, worksMax: number): Share {
    let share = this.#shares.get(key);
    if (!share) {
      const window = new WorkWindow(worksMax, () => this.#shares.delete(key));
      share = { key, window, turn: -1, leftMs: 0 };
      this.#shares.set(key, share);
    }
    return share;
  }

  /** How many accounts and addresses are remembered. */
  get remembered(): number {
    return this.#shares.size;
  }

  /** How long it may be read now, in milliseconds; 0 if the share has had its part of this turn. What that took is told by `charge`. */
  allowedMs(share: Share): number {
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

  charge(share: Share, ms: number): void {
    share.leftMs -= ms;
    this.#leftMs -= ms;
  }

  /** Reads when it is the turn of its owner, until it is finished. */
  later(owner: Owner, read: Read): void {
    void this.slices.run(owner, (isOver) => (read(isOver) ? UNFINISHED : null));
  }
}
