import { DomainError } from "../failure.ts";

type Work<Item, Outcome> = {
  items: readonly Item[];
  /** The weight of an item: about the number of rows it writes. */
  weightOf: (item: Item) => number;
  /** Returns an outcome for each item of a part. */
  write: (part: Item[]) => Promise<Outcome[]>;
  /** The outcome of an item that was not written because its part was refused. */
  refuse: (item: Item, message: string) => Outcome;
};

/** Maximum weight that one command writes: it takes 2 to 4 ms, for which other commands wait. */
const PART_WEIGHT_MAX = 32;

/**
 * Writes thousands of items in parts, each as a separate command, so that other commands are served in between. If the
 * first part is refused, the request is refused. If a later part is refused, its items and all items after it get the
 * refusal as their outcome.
 */
export async function writeInParts<Item, Outcome>({
  items,
  weightOf,
  write,
  refuse,
}: Work<Item, Outcome>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  do {
    const part = nextPart(items, outcomes.length, weightOf);
    try {
      outcomes.push(...(await write(part)));
    } catch (error) {
      if (outcomes.length === 0 || !(error instanceof DomainError)) throw error;
      return [...outcomes, ...items.slice(outcomes.length).map((item) => refuse(item, error.failure.message))];
    }
  } while (outcomes.length < items.length);
  return outcomes;
}

/** The next items to write: at least one, and further ones up to the weight limit. */
function nextPart<Item>(items: readonly Item[], from: number, weightOf: (item: Item) => number): Item[] {
  let end = from;
  for (let weight = 0; end < items.length; end++) {
    weight += weightOf(items[end] as Item);
    if (end > from && weight > PART_WEIGHT_MAX) break;
  }
  return items.slice(from, end);
}
