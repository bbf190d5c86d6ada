import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import { cursorTo, type Page, placeOf } from "../kernel/cursor.ts";
import { DomainError } from "../kernel/failure.ts";
import { UNFINISHED } from "../kernel/fairness/fair-slices.ts";
import { FairWalk, type Lists, WalkPlace } from "../store/sqlite/fair-walk.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { isSpent, metered, stepBudget } from "./scope.ts";

/** Things that one call looks at, however few of them are shown. */
const EXAMINED_MAX = 2000;
/** Steps that its rules may take, in slices. */
const STEPS_MAX = 250_000;
/** Of those that no rule has to be asked about, so many are looked at without waiting for a turn. */
const AT_ONCE = 100;

/** Whose things are meant beside the caller's own: everybody's, those of some accounts, or nobody's. */
export type Others = "all" | readonly string[];

type Search<Item, Found> = {
  /** The name of the list, for its cursors. */
  name: string;
  lists: Lists<Item>;
  own: boolean;
  others: Others;
  cursor: string | undefined;
  /** Whether rules are asked, which take their time. */
  ruled: boolean;
  /** What one of them comes to; undefined if it is not to be shown. May be asked again of a later snapshot, so it asks `reader` anew. */
  examine: (reader: Reader) => (item: Item) => Found | undefined;
  /** Whether a page with these is full. */
  isFull: (found: readonly Found[]) => boolean;
};

/**
 * What a search finds, in pages: the caller's own first, then others', account by account in turn. A page ends early where many are looked at and few
 * found, and where rules have taken their steps: with a cursor, so that nobody's rules hide what is behind them.
 */
export async function search<Item, Found>(
  { store, slices }: Deps,
  actor: UserActor,
  wish: Search<Item, Found>,
): Promise<Page<Found>> {
  const walk = walkOf(actor, wish);
  const budget = stepBudget(STEPS_MAX);
  const items: Found[] = [];
  let examined = 0;
  const step = (isOver: () => boolean) =>
    store.read((snapshot): Page<Found> | typeof UNFINISHED => {
      const reader = metered(snapshot, budget);
      const examine = wish.examine(reader);
      for (let first = true; ; first = false) {
        if (wish.isFull(items) || examined >= EXAMINED_MAX || (examined > 0 && isSpent(reader))) {
          const place = walk.place(reader);
          return { items, cursor: place && cursorTo(wish.name, place) };
        }
        if (!first && isOver()) return UNFINISHED;
        const item = walk.next(reader);
        if (item === undefined) return { items, cursor: null };
        examined++;
        const found = unlessSpent(() => examine(item));
        if (found !== undefined) items.push(found);
      }
    });
  if (!wish.ruled) {
    const page = step(() => examined >= AT_ONCE);
    if (page !== UNFINISHED) return page;
  }
  return slices.run({ account: actor.accountId, member: actor.userId }, step);
}

function walkOf<Item, Found>(
  { accountId }: UserActor,
  { name, lists, own, others, cursor }: Search<Item, Found>,
): FairWalk<Item> {
  const named = others === "all" ? [] : others.filter((other) => other !== accountId);
  const accounts: Lists<Item>["accounts"] =
    others === "all"
      ? lists.accounts
      : (_reader, after, limit) =>
          named
            .filter((other) => other > after)
            .sort()
            .slice(0, limit);
  const start: WalkPlace = { after: "", at: own ? [[accountId, ""]] : [] };
  const place = cursor ? placeOf(name, WalkPlace, cursor) : start;
  return new FairWalk({ ...lists, accounts }, accountId, place);
}

/** Where the rules have no more steps while they are asked, it is not shown. */
function unlessSpent<Found>(examine: () => Found | undefined): Found | undefined {
  try {
    return examine();
  } catch (error) {
    if (error instanceof DomainError && error.failure.code === "limited") return undefined;
    throw error;
  }
}
