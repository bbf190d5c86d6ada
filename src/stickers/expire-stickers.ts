import { SYSTEM } from "../kernel/actor.ts";
import { command } from "../store/command.ts";
import { announce } from "./announce.ts";
import { deleteSticker, listDue } from "./rows.ts";

/**
 * Takes away at most `limit` stickers that are due, of those that have been longest, and tells that they expired; answers how many there were, and how late the latest is told. What a
 * stopped server slept through is told late rather than never.
 */
export const expireStickers = command("expire_stickers", (tx, _actor, { limit }: { limit: number }) => {
  const due = listDue(tx, tx.now, limit);
  for (const sticker of due) deleteSticker(tx, sticker);
  announce(tx, SYSTEM, "sticker.expired", due);
  const lateMs = due.reduce((most, { expiresAt }) => Math.max(most, tx.now - expiresAt), 0);
  return { done: due.length, more: due.length === limit, lateMs };
});
