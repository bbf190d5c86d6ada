import { type AccountTable, countForeign, ON_OWN_TWIN } from "../store/transfer/account-table.ts";

/** Without the index by recipient, which the database derives. */
export const STICKER_TABLES: readonly AccountTable[] = [
  {
    table: "stickers",
    where: ON_OWN_TWIN,
    order: "twin_id, color",
    left: [{ what: "stickers on other accounts' twins", count: countForeign("stickers") }],
  },
];
