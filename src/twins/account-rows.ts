import type { AccountTable, Numbering } from "../store/transfer/account-table.ts";

const POSITIONS: Numbering = { name: "twins", sources: ["SELECT position AS number FROM twins WHERE owner_id = ?1"] };

export const TWIN_TABLES: readonly AccountTable[] = [
  { table: "twins", where: "owner_id = ?1", order: "position", numbered: { position: POSITIONS } },
];
