import { stopwatchMs } from "../kernel/clock.ts";
import type { Owner } from "../kernel/fair-queue.ts";
import { FairSlices, UNFINISHED } from "../kernel/fair-slices.ts";
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
export type Read = (isOver: () => boolean) => boolean;

/**
 * When connections are read. What comes is read at once, as long as its account has not had its part of the event loop's turn; then accounts
 * take turns by the time that their packets take, and within an account its connections.
 */
export class Reading {
  readonly slices = new FairSlices();
  readonly #shares = new Map<string, Share>();
  #turn = 0;
  #began = false;
  #leftMs = TURN_MS;

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

  /** Reads now, as far as the share goes: returns what `read` does. Undefined if the share has had its part of this turn. */
  now(share: Share, read: Read): boolean | undefined {
    this.#beginTurn();
    if (share.turn !== this.#turn) {
      share.turn = this.#turn;
      share.leftMs = PART_MS;
    }
    const allowedMs = Math.min(share.leftMs, this.#leftMs);
    if (allowedMs <= 0) return undefined;
    const began = stopwatchMs();
    const end = began + allowedMs;
    const isUnfinished = read(() => stopwatchMs() >= end);
    const took = stopwatchMs() - began;
    share.leftMs -= took;
    this.#leftMs -= took;
    return isUnfinished;
  }

  /** Reads when it is the turn of its owner, until it is finished. */
  later(owner: Owner, read: Read): void {
    void this.slices.run(owner, (isOver) => (read(isOver) ? UNFINISHED : null));
  }

  #beginTurn(): void {
    if (this.#began) return;
    this.#began = true;
    this.#leftMs = TURN_MS;
    setImmediate(() => {
      this.#turn++;
      this.#began = false;
    });
  }
}
