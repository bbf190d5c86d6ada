import { stopwatchMs } from "../kernel/clock.ts";
import { TokenBucket } from "../kernel/token-bucket.ts";

/**
 * TLS handshakes per second of one address; each takes about a millisecond of the processor. A site whose devices all
 * reconnect at once still has them within seconds.
 */
const RATE = { burst: 200, perSecond: 100 };
/** Above this number of addresses, those with a full token bucket are removed. */
const REMEMBERED_MIN = 1024;

/** Limits how many handshakes each address may begin per second. */
export class HandshakeRate {
  readonly #now: () => number;
  readonly #buckets = new Map<string, TokenBucket>();
  #sweepAt = REMEMBERED_MIN;

  constructor(now: () => number = stopwatchMs) {
    this.#now = now;
  }

  /** Whether the address may begin another handshake. */
  take(origin: string): boolean {
    const now = this.#now();
    return (this.#buckets.get(origin) ?? this.#add(origin, now)).take(now);
  }

  #add(origin: string, now: number): TokenBucket {
    if (this.#buckets.size >= this.#sweepAt) {
      for (const [known, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(known);
      this.#sweepAt = Math.max(REMEMBERED_MIN, this.#buckets.size * 2);
    }
    const bucket = new TokenBucket(RATE, now);
    this.#buckets.set(origin, bucket);
    return bucket;
  }
}
