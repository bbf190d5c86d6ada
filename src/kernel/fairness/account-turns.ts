import type { Owner } from "./fair-queue.ts";
import { FairTurns } from "./fair-turns.ts";

/**
 * Lets the laborious work of each account be done one at a time, its members in turn. Accounts do not wait for each other: the work of one
 * includes its wait for the writer, behind whatever else it writes, and a turn that it held meanwhile would be kept from all.
 */
export class AccountTurns {
  readonly #turnsOf = new Map<string, { turns: FairTurns; unfinished: number }>();

  /** Does the work when it is its turn. Refuses with `limited` if too much of the account waits. */
  async take<Result>(owner: Owner, work: () => Promise<Result>): Promise<Result> {
    const own = this.#turnsOf.get(owner.account) ?? { turns: new FairTurns(), unfinished: 0 };
    this.#turnsOf.set(owner.account, own);
    own.unfinished++;
    try {
      return await own.turns.take(owner, work);
    } finally {
      if (--own.unfinished === 0) this.#turnsOf.delete(owner.account);
    }
  }
}
