/** Places that accounts share: how many there are, how many one may have at most, and how many are few. */
type SharedPlaces = { readonly all: number; readonly most: number; readonly few: number };

/** A part of the places is kept for accounts that have few of them. */
const KEPT_PART = 1 / 4;

/**
 * How many more places an account may take of which it has `mine`, when so many are free. Never more than would then still be free, so the next account
 * finds some; and from the last quarter only while it has few, so places that are held for long are seldom all gone.
 */
export function roomFor(mine: number, free: number, { all, most, few }: SharedPlaces): number {
  const asOne = Math.min(most - mine, fairPart(mine, free - all * KEPT_PART));
  const asOneOfFew = Math.min(few - mine, fairPart(mine, free));
  return Math.max(0, asOne, asOneOfFew);
}

const fairPart = (mine: number, free: number) => Math.ceil((free - mine) / 2);

/** Items with those of each account in their order, and the accounts taking turns. */
export function inTurn<Item>(items: readonly Item[], accountOf: (item: Item) => string): Item[] {
  const counts = new Map<string, number>();
  const numbered = items.map((item) => {
    const account = accountOf(item);
    const before = counts.get(account) ?? 0;
    counts.set(account, before + 1);
    return { item, before };
  });
  return numbered.sort((a, b) => a.before - b.before).map(({ item }) => item);
}
