/**
 * Places that accounts share: how many there are (`all`), how many one account may have (`most`), and how many count as
 * few (`few`).
 */
type SharedPlaces = { readonly all: number; readonly most: number; readonly few: number };

/** This part of the places is reserved for accounts that have few of them. */
const RESERVED_PART = 1 / 4;

/**
 * Returns how many more places an account with `mine` places may take while `free` are free: at most as many as then
 * remain free, so that others always find some. From the last quarter it takes some only while it has few, so that
 * places held for long rarely run out.
 */
export function roomFor(mine: number, free: number, { all, most, few }: SharedPlaces): number {
  const inGeneral = Math.min(most - mine, fairPart(mine, free - all * RESERVED_PART));
  const whileFew = Math.min(few - mine, fairPart(mine, free));
  return Math.max(0, inGeneral, whileFew);
}

const fairPart = (mine: number, free: number) => Math.ceil((free - mine) / 2);

/** Orders items so that accounts take turns; the items of one account keep their order. */
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
