import { TokenBucket } from "./token-bucket.ts";

/** Lines of one event from one source: a burst, and per second after that. */
const OF_SOURCE = { burst: 20, perSecond: 1 };
/** Lines of one event from all sources together. */
const OF_ALL = { burst: 100, perSecond: 10 };
/**
 * Maximum number of sources that are kept per event. When it is reached, all of them start again with a full budget,
 * still within the budget of all sources.
 */
const SOURCES_MAX = 10_000;

type Spent = { all: TokenBucket; sources: Map<string, TokenBucket>; suppressed: number };

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
