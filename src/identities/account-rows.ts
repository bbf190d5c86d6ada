import { type AccountTable, countForeign, ON_OWN_TWIN } from "../store/transfer/account-table.ts";

export const IDENTITY_TABLES: readonly AccountTable[] = [
  {
    table: "identities",
    where: ON_OWN_TWIN,
    order: "name, twin_id",
    left: [{ what: "identities of other accounts' twins", count: countForeign("identities") }],
  },
];
