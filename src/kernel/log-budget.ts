/** Lines of one event from one source: a burst, and per second after that. */
const OF_SOURCE = { burst: 20, perSecond: 1 };
/** Likewise from all sources together. */
const OF_ALL = { burst: 100, perSecond: 10 };
/**
 * At most this many sources are remembered per event. Then all of them start with a full budget, still within the
 * budget of all sources.
 */
const SOURCES_MAX = 10_000;

type Rate = typeof OF_SOURCE;
type Bucket = { left: number; at: number };
type Spent = { all: Bucket; sources: Map<string, Bucket>; suppressed: number };

/**
 * Limits the log lines that callers can cause. A client that is refused without end would fill the disk and hide other
 * lines; a sample tells as much.
 */
export class LogBudget {
  readonly #now: () => number;
  readonly #spent = new Map<string, Spent>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Takes one line from the budget. Returns how many lines of this event were left out since the last one written, or
   * undefined if this line is to be left out too.
   */
  admit(event: string, source: string): number | undefined {
    const now = this.#now();
    const spent = this.#spent.get(event) ?? { all: full(OF_ALL, now), sources: new Map(), suppressed: 0 };
    this.#spent.set(event, spent);
    let own = spent.sources.get(source);
    if (!own) {
      if (spent.sources.size >= SOURCES_MAX) spent.sources.clear();
      own = full(OF_SOURCE, now);
      spent.sources.set(source, own);
    }
    if (!has(own, OF_SOURCE, now) || !has(spent.all, OF_ALL, now)) {
      spent.suppressed++;
      return undefined;
    }
    own.left--;
    spent.all.left--;
    const { suppressed } = spent;
    spent.suppressed = 0;
    return suppressed;
  }
}

const full = ({ burst }: Rate, now: number): Bucket => ({ left: burst, at: now });

function has(bucket: Bucket, { burst, perSecond }: Rate, now: number): boolean {
  // A clock set back must not drain the bucket.
  const elapsedMs = Math.max(0, now - bucket.at);
  bucket.left = Math.min(burst, bucket.left + (elapsedMs / 1000) * perSecond);
  bucket.at = now;
  return bucket.left >= 1;
}
