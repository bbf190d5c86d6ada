/** How often values fell where, between bounds that stay. Plain numbers: an observation costs a few nanoseconds. */
export class Histogram {
  /** Upper bounds, the highest value that still counts for each, rising. */
  readonly bounds: readonly number[];
  sum = 0;
  /** For each bound what fell between the one before and it, and last what lay above all. */
  readonly #counts: Float64Array;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    (this.#counts[bucket] as number)++;
    this.sum += value;
  }

  /** How many values were at most each bound, and last how many there were. */
  cumulated(): number[] {
    let count = 0;
    return Array.from(this.#counts, (own) => {
      count += own;
      return count;
    });
  }
}

/** Seconds: from a read that is answered out of memory to a disk that hangs. */
export const DURATIONS = [
  0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
