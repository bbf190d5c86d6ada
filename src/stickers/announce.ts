import { record } from "../journal/record.ts";
import type { Actor } from "../kernel/actor.ts";
import { withRawJson, writeJson, writeObject } from "../kernel/json-text.ts";
import { type Publication, publish } from "../notifications/model/publish.ts";
import type { Tx } from "../store/sqlite/sql.ts";
import type { Sticker } from "./rows.ts";
import type { Occasion } from "./schema.ts";
import { viewSharedPart, viewSticker } from "./views.ts";

const OCCASIONS = {
  "sticker.put": "on_put",
  "sticker.removed": "on_remove",
  "sticker.expired": "on_expire",
} as const satisfies Record<string, Occasion>;

/**
 * Records and publishes events of stickers: one journal row per account and twin, and a message for each sticker that
 * has topics for the occasion.
 */
export function recordAndPublish(
  tx: Tx,
  actor: Actor,
  trigger: keyof typeof OCCASIONS,
  stickers: readonly Sticker[],
): void {
  const view = trigger === "sticker.put" ? viewSticker : viewSharedPart;
  for (const together of Map.groupBy(stickers, ({ twinId, accountId }) => `${twinId} ${accountId}`).values()) {
    const { twinId, accountId } = together[0] as Sticker;
    const views = together.map((sticker) => [sticker.color, writeJson(view(sticker))] as const);
    record(tx, actor, { kind: trigger, accountId, twinId, data: withRawJson({}, { stickers: writeObject(views) }) });
  }
  publish(tx, ...stickers.flatMap((sticker) => publicationOf(sticker, trigger)));
}

function publicationOf(sticker: Sticker, trigger: keyof typeof OCCASIONS): Publication[] {
  const { accountId, twinId } = sticker;
  const topics = topicsOf(sticker, OCCASIONS[trigger]);
  return topics.length > 0 ? [{ accountId, twinId, trigger, topics, event: eventOf(sticker) }] : [];
}

const topicsOf = ({ publish }: Sticker, occasion: Occasion): string[] => JSON.parse(publish)[occasion] ?? [];

/** The event that receivers get (specification 2.12). It leaves out the recipients. */
const eventOf = (sticker: Sticker) =>
  writeJson({ color: sticker.color, ...viewSharedPart(sticker), account: sticker.accountId });
