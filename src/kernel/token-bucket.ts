/** The number of items that may pass at once, and the number per second after that. */
type Rate = { readonly burst: number; readonly perSecond: number };

/** Limits a rate. The caller brings the instant in milliseconds, so that many buckets share one look at the clock. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Takes one; returns false if there is none. */
  take(now: number): boolean {
    if (!this.has(now)) return false;
    this.spend();
    return true;
  }

  /** For a caller who takes from several buckets or from none: asks each, and then spends. */
  has(now: number): boolean {
    this.#refill(now);
    return this.#tokens >= 1;
  }

  spend(): void {
    this.#tokens--;
  }

  isFull(now: number): boolean {
    this.#refill(now);
    return this.#tokens === this.#rate.burst;
  }

  /** A clock that was set back takes nothing away, and gives nothing. */
  #refill(now: number): void {
    const elapsedMs = Math.max(0, now - this.#at);
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + (elapsedMs / 1000) * this.#rate.perSecond);
    this.#at = now;
  }
}
