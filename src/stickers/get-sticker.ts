import type { UserActor } from "../kernel/actor.ts";
import { notFound } from "../kernel/failure.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { getTwin } from "../twins/get-twin.ts";
import type { Context } from "./get-stickers.ts";
import { findAddressedSticker, listCreatorsOnTwin, type Sticker } from "./rows.ts";

/** What a path names: a color on a twin, which several accounts may have put there. */
export type StickerPath = { twin: string; color: string };

/**
 * The stickers of one color that are addressed to the caller, at most one per account; refused as not found if there is
 * none.
 */
export function getAddressedStickers(reader: Reader, actor: UserActor, path: StickerPath, context: Context) {
  const twin = getTwin(reader, actor, path.twin);
  const creators =
    context === "personal" ? [actor.accountId] : context === "system" ? creatorsOn(reader, actor, twin.id) : context;
  const [first, ...others] = creators.flatMap((accountId) => {
    const key = { twinId: twin.id, accountId, color: path.color };
    return findAddressedSticker(reader, actor, key) ?? [];
  });
  if (!first) throw notFound("Sticker", path.color);
  return [first, ...others] as const;
}

/** Cheap, however many stickers each account has put: one index step per account. */
const creatorsOn = (reader: Reader, actor: UserActor, twinId: string) =>
  listCreatorsOnTwin(reader, actor, twinId, "", Number.MAX_SAFE_INTEGER);

/** The sticker of that color: the caller's own account's first, otherwise the newest of others'. */
export function getSticker(reader: Reader, actor: UserActor, path: StickerPath, context: Context): Sticker {
  const isOwn = ({ accountId }: Sticker) => accountId === actor.accountId;
  const comesBefore = (a: Sticker, b: Sticker) => (isOwn(a) !== isOwn(b) ? isOwn(a) : a.createdAt > b.createdAt);
  return getAddressedStickers(reader, actor, path, context).reduce((best, next) =>
    comesBefore(next, best) ? next : best,
  );
}
