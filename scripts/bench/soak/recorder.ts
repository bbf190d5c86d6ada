import { Samples } from "../measures/percentiles.ts";

/** Latencies of a window, by operation. */
export type Latencies = Record<string, { p50Ms: number; p99Ms: number }>;

/** Collects what the loads of a soak report. */
export class Recorder {
  answers = 0;
  /** Rejects at the first unexpected event. */
  readonly failure = Promise.withResolvers<never>();
  #window = new Map<string, Samples>();

  constructor() {
    this.failure.promise.catch(() => {});
  }

  add(kind: string, ms: number): void {
    const samples = this.#window.get(kind) ?? new Samples();
    this.#window.set(kind, samples);
    samples.add(ms);
    this.answers += 1;
  }

  fail = (why: unknown): void => this.failure.reject(why instanceof Error ? why : new Error(String(why)));

  /** Ends the window and begins the next. */
  take(): Latencies {
    const window = this.#window;
    this.#window = new Map();
    return Object.fromEntries([...window].map(([kind, samples]) => [kind, samples.summary()]));
  }
}

/** Ends a load; resolves when nothing of it is in flight. */
export type Stop = () => Promise<void>;

/**
 * Acts at this rate at random instants, whether or not earlier acts are done. Each act receives the time at which it
 * was due.
 */
export function pace(ratePerSecond: number, act: (due: number) => Promise<void>, { fail, failure }: Recorder): Stop {
  const underWay = new Set<Promise<void>>();
  let due = performance.now();
  const timer = setInterval(() => {
    for (const now = performance.now(); due <= now; due += (1000 / ratePerSecond) * -Math.log(1 - Math.random())) {
      const acting = act(due)
        .catch(fail)
        .finally(() => underWay.delete(acting));
      underWay.add(acting);
    }
  }, 1);
  failure.promise.catch(() => clearInterval(timer));
  return async () => {
    clearInterval(timer);
    await Promise.all(underWay);
  };
}
