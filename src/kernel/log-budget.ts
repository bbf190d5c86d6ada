import { TokenBucket } from "./token-bucket.ts";

/** Lines that one source causes of one event: at once, and a second after that. */
const OF_SOURCE = { burst: 20, perSecond: 1 };
/** And all sources together. */
const OF_ALL = { burst: 100, perSecond: 10 };
/** So many sources are remembered of an event; then all begin anew, within what all may have. */
const SOURCES_MAX = 10_000;

type Spent = { all: TokenBucket; sources: Map<string, TokenBucket>; suppressed: number };

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
    const spent = this.#spent.get(event) ?? { all: new TokenBucket(OF_ALL, now), sources: new Map(), suppressed: 0 };
    this.#spent.set(event, spent);
    let own = spent.sources.get(source);
    if (!own) {
      if (spent.sources.size >= SOURCES_MAX) spent.sources.clear();
      own = new TokenBucket(OF_SOURCE, now);
      spent.sources.set(source, own);
    }
    if (!own.has(now) || !spent.all.has(now)) {
      spent.suppressed++;
      return undefined;
    }
    own.spend();
    spent.all.spend();
    const { suppressed } = spent;
    spent.suppressed = 0;
    return suppressed;
  }
}
