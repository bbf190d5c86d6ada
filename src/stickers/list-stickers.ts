import { z } from "zod";
import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import { decodeCursor, encodeCursor, type Page, type PageRequest, pageOf } from "../kernel/cursor.ts";
import { UNFINISHED } from "../kernel/fairness/fair-slices.ts";
import { Uuid } from "../kernel/schema.ts";
import { type Filter, listAddressedStickers, type Place, placeAtOffset, type Sticker } from "./rows.ts";
import { Color } from "./schema.ts";

type Wish = PageRequest & {
  color?: string | undefined;
  /** Whose stickers are listed: the caller's account's, all accounts', or those of one account. */
  context: string;
  ge?: number | undefined;
  le?: number | undefined;
  /** Stickers to skip at the beginning; 0 with a cursor. */
  offset: number;
};

const StickerPlace = z.tuple([z.int().nonnegative(), Uuid, Uuid, Color]);

/** Stickers skipped without yielding. */
const SKIPPED_AT_ONCE = 1000;

/**
 * The stickers on all twins that are addressed to the caller, their role or their account, newest first. Role rules are
 * not evaluated.
 */
export async function listStickers(deps: Deps, actor: UserActor, wish: Wish): Promise<Page<Sticker>> {
  const { color, context, ge = 0, le = Number.MAX_SAFE_INTEGER, limit, offset, cursor } = wish;
  const creator = context === "system" ? "all" : context === "personal" ? actor.accountId : context;
  const filter = { creator, color, from: ge, to: le };
  if (cursor)
    return pageBehind(deps, actor, filter, {
      behind: decodeCursor("stickers", StickerPlace, cursor),
      limit,
      offset: 0,
    });
  if (offset <= SKIPPED_AT_ONCE) return pageBehind(deps, actor, filter, { behind: null, limit, offset });
  const behind = await skip(deps, actor, filter, offset);
  return behind ? pageBehind(deps, actor, filter, { behind, limit, offset: 0 }) : { items: [], cursor: null };
}

function pageBehind(
  { store }: Deps,
  actor: UserActor,
  filter: Filter,
  page: { behind: Place | null; limit: number; offset: number },
): Page<Sticker> {
  const found = store.read((reader) =>
    listAddressedStickers(reader, actor, filter, { ...page, limit: page.limit + 1 }),
  );
  return pageOf(found, page.limit, ({ createdAt, accountId, twinId, color }) =>
    encodeCursor("stickers", [createdAt, accountId, twinId, color]),
  );
}

/** Skips `count` stickers in slices; null if the list ends before that. */
function skip({ store, slices }: Deps, actor: UserActor, filter: Filter, count: number): Promise<Place | null> {
  let left = count;
  let behind: Place | null = null;
  return slices.run({ account: actor.accountId, member: actor.userId }, (isOver) =>
    store.read((reader) => {
      do {
        const step = Math.min(left, SKIPPED_AT_ONCE);
        behind = placeAtOffset(reader, actor, filter, behind, step);
        left -= step;
        if (behind === null || left === 0) return behind;
      } while (!isOver());
      return UNFINISHED;
    }),
  );
}
