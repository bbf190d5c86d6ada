import { DomainError } from "../failure.ts";

type Work<Item, Outcome> = {
  items: readonly Item[];
  /** What an item weighs: about how many rows it writes. */
  weightOf: (item: Item) => number;
  /** Returns an outcome for each item of a part. */
  write: (part: Item[]) => Promise<Outcome[]>;
  /** The outcome of an item that was not written, because its part was refused. */
  refuse: (item: Item, message: string) => Outcome;
};

/** So much a command may write: 2 to 4 ms, for which others wait. */
const PART_WEIGHT_MAX = 32;

/**
 * Writes thousands of items in parts, each a command of its own, so that others find their turn in between. A request whose first part is refused is
 * refused. Once something is written, the items of a part that is refused carry the refusal, and so do those behind them.
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

/** Items from one on, at least one, until they weigh enough. */
function nextPart<Item>(items: readonly Item[], from: number, weightOf: (item: Item) => number): Item[] {
  let end = from;
  for (let weight = 0; end < items.length; end++) {
    weight += weightOf(items[end] as Item);
    if (end > from && weight > PART_WEIGHT_MAX) break;
  }
  return items.slice(from, end);
}
