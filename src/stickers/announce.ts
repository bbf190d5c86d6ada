import { record } from "../events/record.ts";
import type { Actor } from "../kernel/actor.ts";
import { spliced, writeJson, writeObject } from "../kernel/json-text.ts";
import { publish } from "../notifications/publish.ts";
import type { Tx } from "../store/sql.ts";
import type { Sticker } from "./rows.ts";
import type { Occasion } from "./schema.ts";
import { briefOf, viewSticker } from "./views.ts";

const OCCASIONS = {
  "sticker.put": "on_put",
  "sticker.removed": "on_remove",
  "sticker.expired": "on_expire",
} as const satisfies Record<string, Occasion>;

/**
 * Writes what happened to stickers that one account has on one twin: one journal row for all of them, then a message for each that
 * has topics for the occasion.
 */
export function announce(tx: Tx, actor: Actor, trigger: keyof typeof OCCASIONS, stickers: readonly Sticker[]): void {
  const [first] = stickers;
  if (!first) return;
  const { twinId, accountId } = first;
  const view = trigger === "sticker.put" ? viewSticker : briefOf;
  const data = spliced(
    {},
    { stickers: writeObject(stickers.map((sticker) => [sticker.color, writeJson(view(sticker))])) },
  );
  record(tx, actor, { kind: trigger, accountId, twinId, data });
  for (const sticker of stickers) {
    const topics = topicsOf(sticker, OCCASIONS[trigger]);
    if (topics.length > 0) publish(tx, { accountId, twinId, trigger, topics, event: eventOf(sticker) });
  }
}

const topicsOf = ({ publish }: Sticker, occasion: Occasion): string[] => JSON.parse(publish)[occasion] ?? [];

/** What receivers are told (specification 2.12). The recipients are no part of it. */
const eventOf = (sticker: Sticker) =>
  writeJson({ color: sticker.color, ...briefOf(sticker), account: sticker.accountId });
