import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import { decodeCursor, encodeCursor, type Page } from "../kernel/cursor.ts";
import { DomainError } from "../kernel/failure.ts";
import { UNFINISHED } from "../kernel/fairness/fair-slices.ts";
import { type AccountLists, FairWalk, WalkCursor } from "../store/sqlite/fair-walk.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { isBudgetSpent, stepBudget, withBudget } from "./scope.ts";

/** Items that one call examines, however few of them it returns. */
const EXAMINED_MAX = 2000;
/** Steps that its rules may take, in slices. */
const STEPS_MAX = 250_000;
/** Items examined without yielding, where no rule has to be evaluated. */
const AT_ONCE = 100;

/** Whose items are searched in addition to the caller's own: those of all accounts, of some accounts, or none. */
export type OtherAccounts = "all" | readonly string[];

type Search<Item, Found> = {
  /** The name of the list, for its cursors. */
  name: string;
  lists: AccountLists<Item>;
  own: boolean;
  others: OtherAccounts;
  cursor: string | undefined;
  /** Whether rules are evaluated, which take time. */
  ruled: boolean;
  /**
   * Evaluates one item; undefined if it is not shown. May run again on a later snapshot, so it reads through `reader`
   * each time.
   */
  examine: (reader: Reader) => (item: Item) => Found | undefined;
  /** Whether a page with these items is full. */
  isFull: (found: readonly Found[]) => boolean;
};

/**
 * Returns what a search finds in pages: the caller's own items first, then others', account by account in turn. A page
 * ends early, with a cursor, where few of many items match or the rules have used up their steps; so one account's
 * rules cannot hide the items after them.
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
      const reader = withBudget(snapshot, budget);
      const examine = wish.examine(reader);
      for (let first = true; ; first = false) {
        if (wish.isFull(items) || examined >= EXAMINED_MAX || (examined > 0 && isBudgetSpent(reader))) {
          const place = walk.place(reader);
          return { items, cursor: place && encodeCursor(wish.name, place) };
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
  const accounts: AccountLists<Item>["accounts"] =
    others === "all"
      ? lists.accounts
      : (_reader, after, limit) =>
          named
            .filter((other) => other > after)
            .sort()
            .slice(0, limit);
  const start: WalkCursor = { after: "", at: own ? [[accountId, ""]] : [] };
  const place = cursor ? decodeCursor(name, WalkCursor, cursor) : start;
  return new FairWalk({ ...lists, accounts }, accountId, place);
}

/** An item is not shown if the rules run out of steps while it is examined. */
function unlessSpent<Found>(examine: () => Found | undefined): Found | undefined {
  try {
    return examine();
  } catch (error) {
    if (error instanceof DomainError && error.failure.code === "limited") return undefined;
    throw error;
  }
}
