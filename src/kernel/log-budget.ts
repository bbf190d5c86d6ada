/** Lines that one source causes of one event: at once, and a second after that. */
const OF_SOURCE = { most: 20, perSecond: 1 };
/** And all sources together. */
const OF_ALL = { most: 100, perSecond: 10 };
/** So many sources are remembered of an event; then all begin anew, within what all may have. */
const SOURCES_MAX = 10_000;

type Rate = typeof OF_SOURCE;
type Bucket = { left: number; at: number };
type Spent = { all: Bucket; sources: Map<string, Bucket>; suppressed: number };

/**
 * How many lines of the log callers may cause. A client that is refused without end would fill the disk, and hide what else there is to read; a
 * sample of it tells as much.
 */
export class LogBudget {
  readonly #now: () => number;
  readonly #spent = new Map<string, Spent>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes the place of a line. Returns how many were left out since the last one of this event; undefined if this one is left out, too. */
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

const full = ({ most }: Rate, now: number): Bucket => ({ left: most, at: now });

function has(bucket: Bucket, { most, perSecond }: Rate, now: number): boolean {
  // A clock that was set back owes nobody anything.
  const elapsedMs = Math.max(0, now - bucket.at);
  bucket.left = Math.min(most, bucket.left + (elapsedMs / 1000) * perSecond);
  bucket.at = now;
  return bucket.left >= 1;
}
