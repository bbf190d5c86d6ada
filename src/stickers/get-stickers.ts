import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import type { Page, PageRequest } from "../kernel/cursor.ts";
import { search } from "../policy/fair-search.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { getTwin } from "../twins/get-twin.ts";
import { listAddressedOnTwin, listCreatorsOnTwin, type Sticker } from "./rows.ts";

/** Whose stickers are listed: the caller's account's, all accounts', or those of these accounts. */
export type Context = "personal" | "system" | string[];

type Wish = PageRequest & { context: Context };

/**
 * The stickers of a twin that are addressed to the caller, their role or their account, in pages: an account that puts
 * many hides none of another's.
 */
export const getStickers = (
  deps: Deps,
  actor: UserActor,
  twinId: string,
  { context, cursor, limit }: Wish,
): Promise<Page<Sticker>> =>
  search(deps, actor, {
    name: "stickers",
    lists: {
      accounts: (reader, after, count) => listCreatorsOnTwin(reader, actor, twinId, after, count),
      items: (reader, accountId, after, count) =>
        listAddressedOnTwin(reader, actor, { twinId, accountId }, after, count),
      keyOf: ({ color }) => color,
    },
    own: context === "personal" || context === "system" || context.includes(actor.accountId),
    others: context === "system" ? "all" : context === "personal" ? [] : context,
    cursor,
    ruled: actor.rules.twin !== null,
    examine: (reader: Reader) => {
      getTwin(reader, actor, twinId);
      return (sticker) => (sticker.expiresAt > reader.now ? sticker : undefined);
    },
    isFull: ({ length }) => length >= limit,
  });
