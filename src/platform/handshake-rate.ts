import { stopwatchMs } from "../kernel/clock.ts";

/**
 * TLS handshakes per second of one address; each takes about a millisecond of the processor. A site whose devices all
 * reconnect at once still has them within seconds.
 */
const PER_SECOND = 100;
const AT_ONCE = 200;
/** With more addresses than this, those that have all their tokens back are forgotten. */
const REMEMBERED_MIN = 1024;

type Bucket = { tokens: number; at: number };

/** Limits how many handshakes each address may begin per second. */
export class HandshakeRate {
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();
  #sweepAt = REMEMBERED_MIN;

  constructor(now: () => number = stopwatchMs) {
    this.#now = now;
  }

  /** Whether the address may begin another handshake. */
  take(origin: string): boolean {
    const now = this.#now();
    const bucket = this.#buckets.get(origin) ?? this.#add(origin, now);
    bucket.tokens = tokensAt(bucket, now);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #add(origin: string, now: number): Bucket {
    if (this.#buckets.size >= this.#sweepAt) {
      for (const [known, bucket] of this.#buckets) if (tokensAt(bucket, now) === AT_ONCE) this.#buckets.delete(known);
      this.#sweepAt = Math.max(REMEMBERED_MIN, this.#buckets.size * 2);
    }
    const bucket = { tokens: AT_ONCE, at: now };
    this.#buckets.set(origin, bucket);
    return bucket;
  }
}

const tokensAt = ({ tokens, at }: Bucket, now: number) => Math.min(AT_ONCE, tokens + ((now - at) / 1000) * PER_SECOND);
