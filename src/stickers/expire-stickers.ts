import { SYSTEM } from "../kernel/actor.ts";
import { command } from "../store/sqlite/command.ts";
import { announce } from "./announce.ts";
import { deleteSticker, listDueTogether, type Sticker } from "./rows.ts";

/**
 * Expires at most `limit` stickers that are due, longest due first, together with others due on the same twin, and
 * publishes that. Returns how many, and how late the latest event is. What fell due while the server was stopped is
 * published late rather than never.
 */
export const expireStickers = command("expire_stickers", (tx, _actor, { limit }: { limit: number }) => {
  const expired: Sticker[] = [];
  while (expired.length < limit) {
    const together = listDueTogether(tx, tx.now, limit - expired.length);
    if (together.length === 0) break;
    for (const sticker of together) deleteSticker(tx, sticker);
    expired.push(...together);
  }
  announce(tx, SYSTEM, "sticker.expired", expired);
  const lateMs = expired.reduce((most, { expiresAt }) => Math.max(most, tx.now - expiresAt), 0);
  return { done: expired.length, more: expired.length === limit, lateMs };
});
