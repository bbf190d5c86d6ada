import { userCommand } from "../access/user-command.ts";
import { SYSTEM } from "../kernel/actor.ts";
import { invalid } from "../kernel/failure.ts";
import { getTwin } from "../twins/get-twin.ts";
import { announce } from "./announce.ts";
import { deleteSticker, findSticker, hasAtLeast, insertSticker, type Sticker } from "./rows.ts";
import type { Wish } from "./schema.ts";

/** Default and maximum (specification 2.11). */
const LIFETIME_MAX_MS = 365 * 86_400_000;
/** On one twin, of one account: all of them are one answer of get_stickers. */
const STICKERS_MAX = 10_000;

type Input = { twinId: string; stickers: [color: string, wish: Wish][] };

/** What became of each color. */
export type Outcomes = [color: string, outcome: Sticker | { error: string }][];

/**
 * Puts stickers on a twin of anybody, alive or not. A color that the account already has there stays as it is, and is refused alone;
 * one that is due to expire does so first.
 */
export const putSticker = userCommand("put_sticker", (tx, actor, { twinId, stickers }: Input): Outcomes => {
  for (const [color, { expiresAt }] of stickers) assertAhead(tx.now, color, expiresAt);
  const twin = getTwin(tx, actor, twinId);
  const { accountId } = actor;

  const present = stickers.flatMap(([color]) => findSticker(tx, { twinId, accountId, color }) ?? []);
  const due = present.filter(({ expiresAt }) => expiresAt <= tx.now);
  for (const sticker of due) deleteSticker(tx, sticker);
  announce(tx, SYSTEM, "sticker.expired", due);

  const kept = new Set(present.filter((sticker) => !due.includes(sticker)).map(({ color }) => color));
  const outcomes = stickers.map(([color, { expiresAt, ...wish }]): Outcomes[number] => {
    if (kept.has(color)) return [color, { error: "Sticker already exists." }];
    if (hasAtLeast(tx, twinId, accountId, STICKERS_MAX)) return [color, { error: "Too many Stickers on the Twin." }];
    const sticker = {
      ...{ twinId: twin.id, accountId, color, ...wish },
      createdAt: tx.now,
      expiresAt: expiresAt ?? tx.now + LIFETIME_MAX_MS,
    };
    insertSticker(tx, sticker);
    return [color, sticker];
  });
  const put = outcomes.flatMap(([, outcome]) => ("error" in outcome ? [] : [outcome]));
  announce(tx, actor, "sticker.put", put);
  if (put.length > 0) tx.wake("stickers");
  return outcomes;
});

function assertAhead(now: number, color: string, expiresAt: number | null): void {
  if (expiresAt === null || (expiresAt > now && expiresAt <= now + LIFETIME_MAX_MS)) return;
  const path = `stickers.${color}.validity_ts`;
  throw invalid("body", "Request body is not acceptable.", [{ path, message: "must be ahead, by a year at most" }]);
}
