import { networksOf } from "../../kernel/client-address.ts";
import type { Clock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/failure.ts";

const WINDOW_MS = 10 * 60_000;

/**
 * After so many failures within ten minutes a network is refused, from the client's own to the widest: at any account, and at one that is
 * being guessed at. The widest counts only there, because all customers of a provider share it.
 */
const LIMITS = [
  { anywhere: 20, guessedAt: 3 }, // IPv4 address, IPv6 /64
  { anywhere: 100, guessedAt: 10 }, // IPv4 /24, IPv6 /48
  { anywhere: Number.POSITIVE_INFINITY, guessedAt: 250 }, // IPv6 /32
] as const;

/** An account with so many failures is being guessed at: from then on, networks have few tries for it. */
const GUESSED_AT = 100;

/** Counters kept, some 25 MB at worst; past it the oldest are forgotten. */
const COUNTERS_MAX = 200_000;

type Counter = { failures: number; endsAt: number };

/**
 * Counts failed PIN redemptions, to make guessing hopeless without a switch that strangers can turn: an account is never shut, only those
 * networks are slowed that have failed. A network that has not failed lately has its tries whatever others do.
 *
 * What that leaves to guess: there are 36^6 = 2.2e9 PINs, and one lives ten minutes. In that time a client has 20 tries (1 in 100 million),
 * who has an IPv6 /48 has 100, and a provider with a /29 has 8 times 250, beside the account's first 100. A botnet of n IPv4 addresses in m
 * networks of 256 has the lesser of 3n and 10m tries at an account: 100 000 addresses at most 300 000, 1 in 7 000 for a PIN that lives
 * meanwhile. Larger ones, which make us forget counters, are bounded by what the server takes: at 3 000 a second, 1 in 1 200.
 *
 * Kept in memory: it needs no truth, and an attacker must not be able to make us write. Attempts count as failed until they have succeeded, so
 * that many at the same moment gain nothing.
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

  /** Counts an attempt, and returns what takes that back. Refused with `limited`, counting nothing, from networks that failed too often. */
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
    // After all were looked at: who is refused must make no counters, which would push out those of others.
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
    // In the order in which they end.
    this.#counters.delete(key);
    const counter = { failures: 0, endsAt: now + WINDOW_MS };
    this.#counters.set(key, counter);
    if (this.#counters.size > this.#countersMax) this.#counters.delete(this.#counters.keys().next().value as string);
    return counter;
  }
}
