import { assert } from "../kernel/assert.ts";
import { Counter } from "./counter.ts";
import { Histogram } from "./histogram.ts";

/** Of a closed set, known when the program is written: never an id, a name that somebody gave, or a path. */
type Labels = Readonly<Record<string, string>>;

/** What is measured, as in the exposition format of Prometheus: the unit stands in the name, and `_total` at the end of a counter's. */
export type About = { readonly name: string; readonly help: string };

type Sample = {
  readonly labels: Labels;
  readonly value: number;
  /** Where it is not the family's. */
  readonly name?: string;
};

export type Family = About & {
  readonly type: "counter" | "gauge" | "histogram";
  /** How it stands now. May throw, where somebody has to be asked who does not answer any more. */
  readonly samples: () => readonly Sample[];
};

type Member = { readonly instrument: unknown; readonly samples: () => readonly Sample[] };

/** More members of a family than this come of a label that is not bounded, and would take memory here and in Prometheus for ever. */
const MEMBERS_MAX = 1000;

/**
 * What this server measures of itself. Whoever counts asks once for their counter, by its name and labels, and keeps it; what can be
 * looked up is read when somebody wants to know.
 */
export class Metrics {
  readonly #families = new Map<string, Family>();
  readonly #members = new Map<string, Map<string, Member>>();

  /** The counter of that name and these labels; asked for twice it is the same. */
  counter(about: About, labels: Labels = {}): Counter {
    const samples = ({ value }: Counter) => [{ labels, value }];
    return this.#member("counter", about, labels, () => new Counter(), samples);
  }

  /** Likewise a histogram. It is shown from its first observation on: there are many buckets. */
  histogram(about: About, bounds: readonly number[], labels: Labels = {}): Histogram {
    const samples = (histogram: Histogram) => samplesOf(histogram, about.name, labels);
    return this.#member("histogram", about, labels, () => new Histogram(bounds), samples);
  }

  /** What is known elsewhere, and read when somebody asks. The last who says how is believed. */
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
