import type { Room } from "../room.ts";
import { STICKER_TABLES } from "./account-rows.ts";
import { expireStickers, expireStickersJob } from "./expire-stickers.ts";
import { STICKER_INVARIANTS } from "./invariant-rows.ts";
import { putSticker } from "./put-sticker.ts";
import { removeSticker } from "./remove-sticker.ts";
import { STICKERS_TOPIC } from "./rows.ts";

export const STICKERS_ROOM = {
  commands: [expireStickers, putSticker, removeSticker],
  jobs: () => [expireStickersJob()],
  wakes: [STICKERS_TOPIC],
  invariants: STICKER_INVARIANTS,
  tables: STICKER_TABLES,
  leftTables: {
    sticker_recipients: "derived from stickers",
  },
} satisfies Room;
