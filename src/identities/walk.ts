import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import { cursorTo, type Page, placeOf } from "../kernel/cursor.ts";
import { DomainError } from "../kernel/failure.ts";
import { UNFINISHED } from "../kernel/fair-slices.ts";
import { isSpent, metered, stepBudget } from "../policy/scope.ts";
import { FairWalk, type Lists, WalkPlace } from "../store/fair-walk.ts";
import type { Reader } from "../store/sql.ts";
import type { Identity } from "./rows.ts";

/** Identities that one call looks at, however few of them are shown. */
const EXAMINED_MAX = 2000;
/** Of the caller's own, which no rule has to be asked about, so many are looked at without waiting for a turn. */
const AT_ONCE = 100;

/** Whose identities are meant beside the caller's own: everybody's, those of some accounts, or nobody's. */
export type Others = "all" | readonly string[];

export type Search<Found> = {
  /** The name of the list, for its cursors. */
  name: string;
  lists: Lists<Identity>;
  own: boolean;
  others: Others;
  cursor: string | undefined;
  /** What one identity comes to; undefined if it is not to be shown. May be asked again of a later snapshot, so it asks `reader` anew. */
  examine: (reader: Reader) => (identity: Identity) => Found | undefined;
  /** Whether a page with these is full. */
  isFull: (found: readonly Found[]) => boolean;
};

/**
 * What a search finds, in pages: the caller's own first, then others', account by account in turn. A page ends early where many are looked at and few
 * found, and where rules have taken their steps: with a cursor, so that nobody's rules hide what is behind them.
 */
export async function search<Found>(
  { store, slices }: Deps,
  actor: UserActor,
  wish: Search<Found>,
): Promise<Page<Found>> {
  const walk = walkOf(actor, wish);
  const budget = stepBudget();
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
        const identity = walk.next(reader);
        if (!identity) return { items, cursor: null };
        examined++;
        const found = unlessSpent(() => examine(identity));
        if (found !== undefined) items.push(found);
      }
    });
  if (wish.others.length === 0 && actor.rules.identity === null && actor.rules.twin === null) {
    const page = step(() => examined >= AT_ONCE);
    if (page !== UNFINISHED) return page;
  }
  return slices.run({ account: actor.accountId, member: actor.userId }, step);
}

function walkOf<Found>({ accountId }: UserActor, { name, lists, own, others, cursor }: Search<Found>) {
  const named = others === "all" ? [] : others.filter((other) => other !== accountId);
  const accounts: Lists<Identity>["accounts"] =
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
