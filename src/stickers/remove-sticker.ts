import { userCommand } from "../access/model/user-command.ts";
import { conflict } from "../kernel/failure.ts";
import { recordAndPublish } from "./announce.ts";
import { getAddressedStickers, type StickerPath } from "./get-sticker.ts";
import type { Context } from "./get-stickers.ts";
import { deleteSticker, type Sticker } from "./rows.ts";

type Input = { path: StickerPath; context: Context };

/**
 * Removes a sticker, once for all of its recipients, and returns its last state. Non-recipients, and a second removal,
 * are refused in the same words. Also refuses to choose between stickers of several accounts, because a wrong one could
 * not be put back.
 */
export const removeSticker = userCommand("remove_sticker", (tx, actor, { path, context }: Input): Sticker => {
  const [sticker, ...others] = getAddressedStickers(tx, actor, path, context);
  if (others.length > 0) {
    throw conflict("precondition", "Several accounts have put a Sticker of this color: name one as the context.");
  }
  deleteSticker(tx, sticker);
  recordAndPublish(tx, actor, "sticker.removed", [sticker]);
  return sticker;
});
