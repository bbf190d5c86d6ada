import { SYSTEM } from "../kernel/actor.ts";
import { command } from "../store/command.ts";
import { announce } from "./announce.ts";
import { deleteSticker, listDue } from "./rows.ts";

/**
 * Takes away at most `limit` stickers that are due, oldest first, and tells that they expired; answers how many there were. What a
 * stopped server slept through is told late rather than never.
 */
export const expireStickers = command("expire_stickers", (tx, _actor, { limit }: { limit: number }) => {
  const due = listDue(tx, tx.now, limit);
  for (const sticker of due) deleteSticker(tx, sticker);
  const together = Map.groupBy(due, ({ twinId, accountId }) => `${twinId} ${accountId}`);
  for (const stickers of together.values()) announce(tx, SYSTEM, "sticker.expired", stickers);
  return { done: due.length, more: due.length === limit };
});
