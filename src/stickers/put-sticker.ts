import { userCommand } from "../access/model/user-command.ts";
import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import { SYSTEM } from "../kernel/actor.ts";
import { invalid } from "../kernel/failure.ts";
import { writeInParts } from "../kernel/fairness/parts.ts";
import { isBulkyList } from "../store/sqlite/command.ts";
import { getTwin } from "../twins/get-twin.ts";
import { recordAndPublish } from "./announce.ts";
import { countOnTwin, deleteSticker, findSticker, insertSticker, STICKERS_TOPIC, type Sticker } from "./rows.ts";
import type { StickerRequest } from "./schema.ts";

/** Default and maximum (specification 2.11). */
const LIFETIME_MAX_MS = 365 * 86_400_000;
/** Per twin and account: get_stickers returns all of them at once. */
const STICKERS_MAX = 10_000;

/** A recipient costs an id in a JSON array, and a row. */
const RECIPIENT_CHARS = 39;
/** A topic costs about this length, and a look-up. */
const TOPIC_CHARS = 16;

type Input = { twinId: string; stickers: [color: string, wish: StickerRequest][] };

/** The outcome for each color. */
export type Outcomes = [color: string, outcome: Sticker | { error: string }][];

/** Puts any number of stickers. Refuses the whole request if an expiry is not in the future. */
export function putStickers({ store, clock }: Deps, actor: UserActor, { twinId, stickers }: Input): Promise<Outcomes> {
  assertAllAhead(clock.now(), stickers);
  return writeInParts<Input["stickers"][number], Outcomes[number]>({
    items: stickers,
    weightOf: ([, { recipients, publish }]) => 1 + recipients.length / RECIPIENT_CHARS + publish.length / TOPIC_CHARS,
    write: (part) => store.write(putSticker, actor, { twinId, stickers: part }),
    refuse: ([color], error) => [color, { error }],
  });
}

/**
 * Puts stickers on a twin of any account, active or terminated. If the account already has that color there, the old
 * sticker stays and only that item is refused; one that is due expires first.
 */
export const putSticker = userCommand(
  "put_sticker",
  (tx, actor, { twinId, stickers }: Input): Outcomes => {
    assertAllAhead(tx.now, stickers);
    const twin = getTwin(tx, actor, twinId);
    const { accountId } = actor;

    const present = stickers.flatMap(([color]) => findSticker(tx, { twinId, accountId, color }) ?? []);
    const due = present.filter(({ expiresAt }) => expiresAt <= tx.now);
    for (const sticker of due) deleteSticker(tx, sticker);
    recordAndPublish(tx, SYSTEM, "sticker.expired", due);

    let room = STICKERS_MAX - countOnTwin(tx, twinId, accountId, STICKERS_MAX);
    const kept = new Set(present.filter((sticker) => !due.includes(sticker)).map(({ color }) => color));
    const outcomes = stickers.map(([color, { expiresAt, ...wish }]): Outcomes[number] => {
      if (kept.has(color)) return [color, { error: "Sticker already exists." }];
      if (room-- <= 0) return [color, { error: "Too many Stickers on the Twin." }];
      const sticker = {
        twinId: twin.id,
        accountId,
        color,
        ...wish,
        createdAt: tx.now,
        expiresAt: expiresAt ?? tx.now + LIFETIME_MAX_MS,
      };
      insertSticker(tx, sticker);
      return [color, sticker];
    });
    const put = outcomes.flatMap(([, outcome]) => ("error" in outcome ? [] : [outcome]));
    recordAndPublish(tx, actor, "sticker.put", put);
    if (put.length > 0) tx.wake(STICKERS_TOPIC);
    return outcomes;
  },
  ({ stickers }) => isBulkyList(stickers),
);

const assertAllAhead = (now: number, stickers: Input["stickers"]) => {
  for (const [color, { expiresAt }] of stickers) assertAhead(now, color, expiresAt);
};

function assertAhead(now: number, color: string, expiresAt: number | null): void {
  if (expiresAt === null || (expiresAt > now && expiresAt <= now + LIFETIME_MAX_MS)) return;
  const path = `stickers.${color}.validity_ts`;
  throw invalid("body", "Request body is not acceptable.", [
    { path, message: "must be in the future, at most a year ahead" },
  ]);
}
