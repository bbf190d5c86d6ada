import type { Clock } from "../kernel/clock.ts";

const WINDOW_MS = 10 * 60_000;
const FAILURES_PER_ADDRESS_MAX = 20;
const FAILURES_PER_ACCOUNT_MAX = 100;
/** Counters kept; past it the oldest are forgotten, which costs an attacker that many addresses. */
const COUNTERS_MAX = 50_000;

type Counter = { failures: number; endsAt: number };

/**
 * Counts failed PIN redemptions per account and per address. Kept in memory: it needs no truth, only to make guessing hopeless,
 * and an attacker must not be able to make us write. Attempts count as failed until they have succeeded, so that many at the
 * same moment gain nothing.
 */
export class PinThrottle {
  readonly #clock: Clock;
  readonly #counters = new Map<string, Counter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts an attempt; answers false, counting nothing, if there were too many failures lately. */
  admit(accountId: string, address: string): boolean {
    const caller = this.#counter(`address ${address}`);
    // Before the account is looked at: who is refused must not make counters either, which would push out those of others.
    if (caller.failures >= FAILURES_PER_ADDRESS_MAX) return false;
    const account = this.#counter(`account ${accountId}`);
    if (account.failures >= FAILURES_PER_ACCOUNT_MAX) return false;
    account.failures++;
    caller.failures++;
    return true;
  }

  /** Takes back what `admit` counted. */
  succeeded(accountId: string, address: string): void {
    for (const key of [`account ${accountId}`, `address ${address}`]) {
      const counter = this.#counter(key);
      counter.failures = Math.max(0, counter.failures - 1);
    }
  }

  #counter(key: string): Counter {
    const now = this.#clock.now();
    const known = this.#counters.get(key);
    if (known && known.endsAt > now) return known;
    this.#counters.delete(key);
    const counter = { failures: 0, endsAt: now + WINDOW_MS };
    this.#counters.set(key, counter);
    if (this.#counters.size > COUNTERS_MAX) this.#counters.delete(this.#counters.keys().next().value as string);
    return counter;
  }
}
