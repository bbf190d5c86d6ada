import { stopwatchMs } from "../kernel/clock.ts";
import { TokenBucket } from "../kernel/token-bucket.ts";

/** TLS handshakes of one address: each takes a millisecond or so of the processor. A site whose devices all come back at once has them within seconds. */
const RATE = { burst: 200, perSecond: 100 };
/** Addresses that are remembered before those are forgotten that have all of theirs again. */
const REMEMBERED_MIN = 1024;

/** Lets each address begin so many handshakes a second. */
export class HandshakeRate {
  readonly #now: () => number;
  readonly #buckets = new Map<string, TokenBucket>();
  #sweepAt = REMEMBERED_MIN;

  constructor(now: () => number = stopwatchMs) {
    this.#now = now;
  }

  /** Whether it may begin another. */
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
