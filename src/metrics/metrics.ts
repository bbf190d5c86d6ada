import { assert } from "../kernel/assert.ts";
import { Counter } from "./counter.ts";
import { Histogram } from "./histogram.ts";

/** Label values are from a closed set known at compile time: never an id, a name that a caller chose, or a path. */
type Labels = Readonly<Record<string, string>>;

/**
 * Name and help text as in the exposition format of Prometheus: the name contains the unit, a counter's name ends in
 * `_total`.
 */
export type About = { readonly name: string; readonly help: string };

type Sample = {
  readonly labels: Labels;
  readonly value: number;
  /** If it differs from the family's. */
  readonly name?: string;
};

export type Family = About & {
  readonly type: "counter" | "gauge" | "histogram";
  /** Returns the current values. May throw if their source fails. */
  readonly samples: () => readonly Sample[];
};

type Member = { readonly instrument: unknown; readonly samples: () => readonly Sample[] };

/** A family with more members than this has an unbounded label, which would use up memory here and in Prometheus. */
const MEMBERS_MAX = 1000;

/**
 * The metrics of this server. Code that counts looks its counter up once, by name and labels, and keeps it; values
 * known elsewhere are read when the metrics are requested.
 */
export class Metrics {
  readonly #families = new Map<string, Family>();
  readonly #members = new Map<string, Map<string, Member>>();

  /** Returns the counter with that name and these labels: the same one on each call. */
  counter(about: About, labels: Labels = {}): Counter {
    const samples = ({ value }: Counter) => [{ labels, value }];
    return this.#member("counter", about, labels, () => new Counter(), samples);
  }

  /** Likewise a histogram. It is exposed after its first observation only, because each has many buckets. */
  histogram(about: About, bounds: readonly number[], labels: Labels = {}): Histogram {
    const samples = (histogram: Histogram) => samplesOf(histogram, about.name, labels);
    return this.#member("histogram", about, labels, () => new Histogram(bounds), samples);
  }

  /**
   * Registers a metric that is read from elsewhere on request. A later registration of the same name replaces an
   * earlier one.
   */
  read(type: "counter" | "gauge", about: About, read: () => number | readonly Sample[]): void {
    const samples = () => {
      const found = read();
      return typeof found === "number" ? [{ labels: {}, value: found }] : found;
    };
    this.#families.set(about.name, { ...about, type, samples });
  }

  families(): Iterable<Family> {
    return this.#families.values();
  }

  #member<Instrument>(
    type: Family["type"],
    about: About,
    labels: Labels,
    make: () => Instrument,
    samples: (instrument: Instrument) => readonly Sample[],
  ): Instrument {
    const members = this.#members.get(about.name) ?? new Map<string, Member>();
    const key = JSON.stringify(Object.entries(labels).sort());
    const known = members.get(key);
    if (known) return known.instrument as Instrument;
    assert(members.size < MEMBERS_MAX, `the labels of ${about.name} are bounded`);
    const instrument = make();
    this.#members.set(about.name, members.set(key, { instrument, samples: () => samples(instrument) }));
    const all = () => [...members.values()].flatMap((member) => member.samples());
    this.#families.set(about.name, { ...about, type, samples: all });
    return instrument;
  }
}

function samplesOf(histogram: Histogram, name: string, labels: Labels): Sample[] {
  const cumulated = histogram.cumulated();
  const count = cumulated.at(-1) as number;
  if (count === 0) return [];
  const buckets = cumulated.map((value, index) => {
    const le = String(histogram.bounds[index] ?? "+Inf");
    return { name: `${name}_bucket`, labels: { ...labels, le }, value };
  });
  const rest = [
    { name: `${name}_sum`, labels, value: histogram.sum },
    { name: `${name}_count`, labels, value: count },
  ];
  return [...buckets, ...rest];
}
