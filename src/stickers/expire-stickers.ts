import type { Job } from "../deps.ts";
import { SYSTEM } from "../kernel/actor.ts";
import { sleep } from "../kernel/clock.ts";
import { command } from "../store/sqlite/command.ts";
import { recordAndPublish } from "./announce.ts";
import { deleteSticker, listDueTogether, nextExpiry, STICKERS_TOPIC, type Sticker } from "./rows.ts";

/**
 * Very many stickers may be due at once, and others wait behind a slice, for the writer or for a processor: so they are small, and paced. Ten
 * thousand take four seconds at this pace.
 */
const EXPIRIES_PER_MS = 2.3;
const SLICE = 12;
/** Where the disk takes long, more of them go there together. */
const SLICES_MAX = 60;
/** A receiver that waits for the news of an expiry goes first when that is so late: then slices are larger, and others wait longer. */
const LATE_MS = 3500;
const LATE_SLICE = 64;

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
  recordAndPublish(tx, SYSTEM, "sticker.expired", expired);
  const lateMs = expired.reduce((most, { expiresAt }) => Math.max(most, tx.now - expiresAt), 0);
  return { done: expired.length, more: expired.length === limit, lateMs };
});

/** Runs at the very instant at which the next sticker is due; the schedule is a net, for a clock that was set forward. */
export function expireStickersJob(): Job {
  let slices = 1;
  let limit = SLICE;
  return {
    name: "expire_stickers",
    schedule: "4-59/10 * * * *",
    wokenBy: STICKERS_TOPIC,
    dueAt: nextExpiry,
    run: async ({ store, clock }) => {
      const began = clock.now();
      const asked = Array.from({ length: slices }, () => store.write(expireStickers, SYSTEM, { limit }));
      const expired = await Promise.all(asked);
      const tookMs = clock.now() - began;
      const done = expired.reduce((sum, slice) => sum + slice.done, 0);
      const more = expired.every((slice) => slice.more);
      const pauseMs = done / EXPIRIES_PER_MS - tookMs;
      slices = Math.min(SLICES_MAX, Math.max(1, Math.ceil((tookMs * EXPIRIES_PER_MS) / limit)));
      limit = expired.some(({ lateMs }) => lateMs > LATE_MS) ? LATE_SLICE : SLICE;
      if (more && tookMs > 0 && pauseMs > 0) await sleep(clock, pauseMs);
      return { done, more };
    },
  };
}
