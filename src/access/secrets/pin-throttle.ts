import { networksOf } from "../../kernel/client-address.ts";
import type { Clock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/failure.ts";

const WINDOW_MS = 10 * 60_000;

/**
 * Failures within ten minutes after which a network is refused, by size of network, smallest first: `anywhere` counts
 * attempts at all accounts, `guessedAt` those at an account that is being guessed at. The largest networks count only
 * for the latter, because all customers of a provider share one.
 */
const LIMITS = [
  { anywhere: 20, guessedAt: 3 }, // IPv4 address, IPv6 /64
  { anywhere: 100, guessedAt: 10 }, // IPv4 /24, IPv6 /48
  { anywhere: Number.POSITIVE_INFINITY, guessedAt: 250 }, // IPv6 /32
] as const;

/**
 * Failures at one account after which it counts as being guessed at: from then on each network has only a few tries for
 * it.
 */
const GUESSED_AT = 100;

/** Counters kept, 25 MB at worst; beyond that the oldest are evicted. */
const COUNTERS_MAX = 200_000;

type Counter = { failures: number; endsAt: number };

/**
 * Counts failed PIN redemptions. It makes guessing hopeless without letting strangers lock an account: an account is
 * never locked, only networks that have failed are slowed. A network without recent failures keeps its tries whatever
 * others do.
 *
 * What remains: there are 36^6 = 2.2e9 PINs, and each lives ten minutes. In that time one client has 20 tries (1 in 100
 * million), the owner of an IPv6 /48 has 100, and a provider with a /29 has 8 times 250, beside the account's first
 * 100. A botnet of n IPv4 addresses in m /24 networks has min(3n, 10m) tries at an account: 100 000 addresses have at
 * most 300 000, 1 in 7 000 for a PIN that lives meanwhile. Larger ones, which make the throttle evict counters, are
 * bounded by the server's throughput: at 3 000 a second, 1 in 1 200.
 *
 * Kept in memory: losing it is harmless, and an attacker must not be able to cause writes. An attempt counts as failed
 * until it has succeeded, so parallel attempts gain nothing.
 */
export class PinThrottle {
  readonly #clock: Clock;
  readonly #countersMax: number;
  readonly #counters = new Map<string, Counter>();

  constructor(clock: Clock, countersMax = COUNTERS_MAX) {
    this.#clock = clock;
    this.#countersMax = countersMax;
  }

  get counterCount(): number {
    return this.#counters.size;
  }

  /**
   * Counts an attempt and returns a function that takes the count back. Throws `limited`, counting nothing, if one of
   * the networks failed too often.
   */
  admit(accountId: string, address: string): () => void {
    const networks = networksOf(address);
    const account = `account ${accountId}`;
    const isGuessedAt = this.#failuresOf(account) >= GUESSED_AT;
    const keys = [account];
    for (const [i, network] of networks.entries()) {
      const { anywhere, guessedAt } = LIMITS[i] as (typeof LIMITS)[number];
      this.#assertBelow(isGuessedAt ? guessedAt : anywhere, network);
      keys.push(network);
    }
    // Only after all limits were checked: a refused client must not create counters, which would evict those of others.
    for (const key of keys) this.#counter(key).failures++;
    return () => {
      for (const key of keys) {
        const counter = this.#counters.get(key);
        if (counter && counter.failures > 0) counter.failures--;
      }
    };
  }

  #assertBelow(limit: number, key: string): void {
    if (this.#failuresOf(key) < limit) return;
    const endsAt = this.#counters.get(key)?.endsAt ?? 0;
    throw new DomainError({
      code: "limited",
      kind: "rate",
      message: "Too many PINs from this network were wrong.",
      retryAfterMs: endsAt - this.#clock.now(),
    });
  }

  #failuresOf(key: string): number {
    const counter = this.#counters.get(key);
    return counter && counter.endsAt > this.#clock.now() ? counter.failures : 0;
  }

  #counter(key: string): Counter {
    const now = this.#clock.now();
    const known = this.#counters.get(key);
    if (known && known.endsAt > now) return known;
    // Reinserts the counter, so that the map stays ordered by end.
    this.#counters.delete(key);
    const counter = { failures: 0, endsAt: now + WINDOW_MS };
    this.#counters.set(key, counter);
    if (this.#counters.size > this.#countersMax) this.#counters.delete(this.#counters.keys().next().value as string);
    return counter;
  }
}
