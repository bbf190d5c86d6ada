import { stopwatchMs } from "../clock.ts";
import { DomainError } from "../failure.ts";
import { FairQueue, type Owner } from "./fair-queue.ts";

/**
 * Maximum number of work items that wait in all; more are refused with `limited`. Bounds memory and the longest wait.
 */
const WAITING_MAX = 1000;
/** Maximum amount of waiting work of one account. */
const WAITING_OF_ONE_MAX = 500;

/**
 * Runs expensive work one at a time, so that quick work finds a gap between any two. Accounts take turns, measured by
 * the time their work took.
 */
export class FairSerialQueue {
  readonly #queue = new FairQueue<() => Promise<void>>();
  readonly #waitingOf = new Map<string, number>();
  #working = false;

  /** Runs the work when its turn comes. Refuses with `limited` if too much is waiting, for this account or in all. */
  take<Result>(owner: Owner, work: () => Promise<Result>): Promise<Result> {
    const own = this.#waitingOf.get(owner.account) ?? 0;
    if (own >= WAITING_OF_ONE_MAX || this.#queue.size >= WAITING_MAX) {
      const message = "Too much expensive work is waiting; try again later.";
      return Promise.reject(new DomainError({ code: "limited", kind: "rate", message, retryAfterMs: 1000 }));
    }
    this.#waitingOf.set(owner.account, own + 1);
    return new Promise<Result>((resolve, reject) => {
      const run = async () => {
        this.#leave(owner.account);
        await work().then(resolve, reject);
      };
      this.#queue.add(run, owner);
      if (!this.#working) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#queue.take(); next; next = this.#queue.take()) {
      const began = stopwatchMs();
      await next.item();
      next.charge(stopwatchMs() - began);
    }
    this.#working = false;
  }

  #leave(account: string): void {
    const left = (this.#waitingOf.get(account) ?? 0) - 1;
    if (left > 0) this.#waitingOf.set(account, left);
    else this.#waitingOf.delete(account);
  }
}
