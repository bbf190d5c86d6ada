import type { UserActor } from "../kernel/actor.ts";
import { notFound } from "../kernel/failure.ts";
import type { Reader } from "../store/sql.ts";
import { getTwin } from "../twins/get-twin.ts";
import { type Context, creatorsOf } from "./get-stickers.ts";
import { listAddressedOnTwin, type Sticker } from "./rows.ts";

/** What a path names: a color on a twin, which several accounts may have put there. */
export type StickerPath = { twin: string; color: string };

/** The stickers of one color that the caller is a recipient of, at most one of each account; none is not found. */
export function getAddressed(reader: Reader, actor: UserActor, path: StickerPath, context: Context) {
  const twin = getTwin(reader, actor, path.twin);
  const creators = creatorsOf(actor, context);
  const [first, ...others] = listAddressedOnTwin(reader, actor, { twinId: twin.id, creators, color: path.color });
  if (!first) throw notFound("Sticker", path.color);
  return [first, ...others] as const;
}

/** The sticker of that color: the caller's own account's before others', of those the newest. */
export function getSticker(reader: Reader, actor: UserActor, path: StickerPath, context: Context): Sticker {
  const isOwn = ({ accountId }: Sticker) => accountId === actor.accountId;
  const comesBefore = (a: Sticker, b: Sticker) => (isOwn(a) !== isOwn(b) ? isOwn(a) : a.createdAt > b.createdAt);
  return getAddressed(reader, actor, path, context).reduce((best, next) => (comesBefore(next, best) ? next : best));
}
