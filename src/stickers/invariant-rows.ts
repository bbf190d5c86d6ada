import type { Invariant } from "../store/sqlite/invariant.ts";

/** The index rows that the triggers should have derived from each sticker, to compare with those that exist. */
const WANTED = `SELECT value AS recipient_id, created_at, account_id, twin_id, color, expires_at
  FROM stickers, json_each(stickers.recipients)`;
const PRESENT = "SELECT recipient_id, created_at, account_id, twin_id, color, expires_at FROM sticker_recipients";

export const STICKER_INVARIANTS: readonly Invariant[] = [
  {
    broken: "sticker_recipients: {color} of {account_id} on {twin_id} is not listed for {recipient_id}",
    sql: `${WANTED} EXCEPT ${PRESENT}`,
  },
  {
    broken:
      "sticker_recipients: {color} of {account_id} on {twin_id} is listed for {recipient_id}, and not addressed to them",
    sql: `${PRESENT} EXCEPT ${WANTED}`,
  },
];
