import { withRawJson, writeArray, writeJson, writeObject } from "../kernel/json-text.ts";
import { toSeconds } from "../kernel/schema.ts";
import type { Outcomes } from "./put-sticker.ts";
import type { Sticker } from "./rows.ts";

// Responses of the account API (specification 2.11). Recipients and topics keep the text in which they are stored.

/** The part for recipients, the journal and receivers. */
export const viewSharedPart = ({ note, expiresAt, createdAt }: Sticker) => ({
  note,
  validity_ts: toSeconds(expiresAt),
  created_ts: toSeconds(createdAt),
});

export const viewSticker = (sticker: Sticker) =>
  withRawJson(viewSharedPart(sticker), { recipients: sticker.recipients, publish: sticker.publish });

export const viewPutStickers = (outcomes: Outcomes) =>
  withRawJson(
    {},
    {
      stickers: writeObject(
        outcomes.map(([color, outcome]) => [color, writeJson("error" in outcome ? outcome : viewSticker(outcome))]),
      ),
    },
  );

export function viewTwinStickers(stickers: readonly Sticker[]) {
  const byAccount = Map.groupBy(stickers, ({ accountId }) => accountId);
  const accounts = Array.from(
    byAccount,
    ([accountId, own]) =>
      [accountId, writeObject(own.map((sticker) => [sticker.color, writeJson(viewSharedPart(sticker))]))] as const,
  );
  return withRawJson({}, { accounts: writeObject(accounts) });
}

export const viewRemovedSticker = (sticker: Sticker) => ({ account: sticker.accountId, ...viewSharedPart(sticker) });

export const viewStickers = (stickers: readonly Sticker[]) =>
  withRawJson(
    {},
    {
      stickers: writeArray(
        stickers.map((sticker) =>
          writeJson({
            account: sticker.accountId,
            twin: sticker.twinId,
            color: sticker.color,
            ...viewSharedPart(sticker),
          }),
        ),
      ),
    },
  );
