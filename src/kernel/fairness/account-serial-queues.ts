import type { Owner } from "./fair-queue.ts";
import { FairSerialQueue } from "./fair-serial-queue.ts";

/**
 * Runs the expensive work of each account one at a time, its members in turn. Accounts do not wait for each other: a
 * piece of work includes its wait for the writer, behind everything else the account writes, and other accounts would
 * have to wait for that too.
 */
export class AccountSerialQueues {
  readonly #turnsOf = new Map<string, { turns: FairSerialQueue; unfinished: number }>();

  /** Runs the work when its turn comes. Refuses with `limited` if too much work of the account is waiting. */
  async take<Result>(owner: Owner, work: () => Promise<Result>): Promise<Result> {
    const own = this.#turnsOf.get(owner.account) ?? { turns: new FairSerialQueue(), unfinished: 0 };
    this.#turnsOf.set(owner.account, own);
    own.unfinished++;
    try {
      return await own.turns.take(owner, work);
    } finally {
      if (--own.unfinished === 0) this.#turnsOf.delete(owner.account);
    }
  }
}
