import { roomFor } from "../../kernel/share.ts";

/** Must be called when a lookup has finished; `slow` if it had no result in time. */
export type Done = (slow: boolean) => void;

type Account = {
  running: number;
  readonly waiting: { readonly signal: AbortSignal; readonly begin: (done: Done) => void }[];
};

/** Concurrent lookups, of all accounts and of one. Each takes a socket or two. */
export const LOOKUPS_MAX = 64;
export const LOOKUPS_OF_ACCOUNT_MAX = 4;
const PLACES = { all: LOOKUPS_MAX, most: LOOKUPS_OF_ACCOUNT_MAX, few: 1 };
/** Places for all accounts that had a lookup time out within the last minute. They queue behind the others. */
const SLOW_PLACES = { ...PLACES, all: LOOKUPS_MAX / 2 };
const SLOW_FOR_MS = 60_000;

/**
 * Schedules lookups. Accounts take turns, and those with slow names have only half of the places, so that an account
 * whose DNS server does not respond delays only itself.
 */
export class LookupQueue {
  readonly #now: () => number;
  /** Accounts with running or waiting lookups, in the order in which they are served next. */
  readonly #accounts = new Map<string, Account>();
  readonly #slowUntil = new Map<string, number>();
  #running = 0;
  #slowRunning = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return [...this.#accounts.values()].reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  /** Resolves when a lookup may begin; rejects with the signal's reason if it is aborted first. */
  take(accountId: string, signal: AbortSignal): Promise<Done> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const account = this.#accounts.get(accountId) ?? { running: 0, waiting: [] };
      this.#accounts.set(accountId, account);
      const leave = () => {
        account.waiting.splice(account.waiting.indexOf(entry), 1);
        this.#forget(accountId, account);
        reject(signal.reason);
      };
      const begin = (done: Done) => {
        signal.removeEventListener("abort", leave);
        resolve(done);
      };
      const entry = { signal, begin };
      signal.addEventListener("abort", leave, { once: true });
      account.waiting.push(entry);
      this.#serve();
    });
  }

  #serve(): void {
    for (let served = true; served; ) served = this.#serveOne(false) || this.#serveOne(true);
  }

  #serveOne(slow: boolean): boolean {
    for (const [id, account] of this.#accounts) {
      if (account.waiting.length === 0 || this.#isSlow(id) !== slow) continue;
      const free = LOOKUPS_MAX - this.#running;
      const room = slow
        ? roomFor(account.running, Math.min(free, SLOW_PLACES.all - this.#slowRunning), SLOW_PLACES)
        : roomFor(account.running, free, PLACES);
      if (room === 0) continue;
      this.#begin(id, account, slow);
      return true;
    }
    return false;
  }

  #begin(id: string, account: Account, slow: boolean): void {
    this.#count(account, slow, 1);
    // An account that was just served goes to the end of the queue.
    this.#accounts.delete(id);
    this.#accounts.set(id, account);
    account.waiting.shift()?.begin((cameToNothing) => {
      this.#count(account, slow, -1);
      if (cameToNothing) this.#noteSlow(id);
      this.#forget(id, account);
      this.#serve();
    });
  }

  #count(account: Account, slow: boolean, by: 1 | -1): void {
    account.running += by;
    this.#running += by;
    if (slow) this.#slowRunning += by;
  }

  #isSlow(id: string): boolean {
    return (this.#slowUntil.get(id) ?? 0) > this.#now();
  }

  #noteSlow(id: string): void {
    for (const [other, until] of this.#slowUntil) if (until <= this.#now()) this.#slowUntil.delete(other);
    this.#slowUntil.set(id, this.#now() + SLOW_FOR_MS);
  }

  #forget(id: string, { running, waiting }: Account): void {
    if (running === 0 && waiting.length === 0) this.#accounts.delete(id);
  }
}
