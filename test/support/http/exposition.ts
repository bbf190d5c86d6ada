type Labels = Record<string, string>;
type Family = { type: string; help: string; samples: Sample[] };
type Sample = { name: string; labels: Labels; value: number };

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)/y;

/**
 * Parses the text format of Prometheus, version 0.0.4, and refuses anything that it does not allow: each family in one
 * piece, help and type before its samples, no sample twice, consistent histograms.
 */
export function readExposition(text: string) {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, Family>();
  let current: [name: string, family: Family] | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      if (!NAME.test(name) || families.has(name)) throw new Error(`${line}: no name, or there already`);
      current = [name, { type: "", help: rest, samples: [] }];
      families.set(...current);
    } else if (keyword === "TYPE") {
      if (name !== current?.[0] || current[1].type !== "" || !/^(counter|gauge|histogram)$/.test(rest))
        throw new Error(`${line}: not after its help, or no type`);
      current[1].type = rest;
    } else current?.[1].samples.push(readSample(line, current));
  }
  for (const [name, family] of families) checkFamily(name, family);

  /** The samples of that name with these labels. */
  const find = (name: string, labels: Labels = {}): Sample[] => {
    const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
    const holds = (sample: Sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value);
    return (family?.samples ?? []).filter((sample) => sample.name === name && holds(sample));
  };
  return {
    families,
    find,
    /** Their sum; 0 if there are none. */
    sum: (name: string, labels: Labels = {}) => find(name, labels).reduce((total, { value }) => total + value, 0),
  };
}

function readSample(line: string, [family, { type }]: [string, Family]): Sample {
  const [, name = "", inBraces = "", number = ""] = SAMPLE.exec(line) ?? [];
  const suffix = name.startsWith(family) ? name.slice(family.length) : "?";
  const suffixes = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
  if (!suffixes.includes(suffix)) throw new Error(`${line}: not of ${family}, a ${type}`);
  const value = number === "+Inf" ? Number.POSITIVE_INFINITY : Number(number);
  if (Number.isNaN(value)) throw new Error(`${line}: no number`);
  return { name, labels: readLabels(inBraces, line), value };
}

function readLabels(text: string, line: string): Labels {
  const labels: Labels = {};
  LABEL.lastIndex = 0;
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined || value === undefined || name in labels) throw new Error(`${line}: wrong labels`);
    labels[name] = value.replaceAll(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
  }
  return labels;
}

function checkFamily(name: string, { type, samples }: Family): void {
  if (type === "") throw new Error(`${name} has no type`);
  if (type === "counter" && (!name.endsWith("_total") || samples.some(({ value }) => value < 0)))
    throw new Error(`${name} is no counter`);
  const keys = samples.map((sample) => JSON.stringify([sample.name, Object.entries(sample.labels).sort()]));
  if (new Set(keys).size < keys.length) throw new Error(`${name} has a sample twice`);
  if (type !== "histogram") return;
  for (const count of samples.filter((sample) => sample.name === `${name}_count`)) checkHistogram(name, samples, count);
}

/** Bounds increase to infinity, counts never fall, and the last bucket has all. */
function checkHistogram(name: string, samples: Sample[], count: Sample): void {
  const isOfIt = ({ labels: { le, ...rest } }: Sample) => Bun.deepEquals(rest, count.labels);
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket` && isOfIt(sample));
  const bounds = buckets.map(({ labels }) =>
    labels["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels["le"]),
  );
  const rises = buckets.every(
    ({ value }, index) =>
      index === 0 ||
      ((bounds[index] as number) > (bounds[index - 1] as number) && value >= (buckets[index - 1] as Sample).value),
  );
  const sums = samples.filter((sample) => sample.name === `${name}_sum` && isOfIt(sample));
  const isWhole = bounds.at(-1) === Number.POSITIVE_INFINITY && buckets.at(-1)?.value === count.value;
  if (!rises || !isWhole || sums.length !== 1) throw new Error(`${name} does not add up`);
}
