import { type AccountTable, countForeign, type Numbering, ON_OWN_TWIN } from "../store/account-table.ts";

const ofQueue = (table: string): Numbering => ({
  name: table,
  sources: [`SELECT sequence AS number FROM ${table} WHERE ${ON_OWN_TWIN}`],
});

/** With what waits to be copied. References to other accounts' entries keep their last value until that is looked at. */
export const LEDGER_TABLES: readonly AccountTable[] = [
  {
    table: "ledger_entries",
    where: ON_OWN_TWIN,
    order: "twin_id, name",
    left: [{ what: "ledger entries on other accounts' twins", count: countForeign("ledger_entries") }],
  },
  { table: "ledger_history", where: ON_OWN_TWIN, order: "twin_id, name, changed_at" },
  ...["changed_sources", "pending_references"].map((table) => ({
    table,
    where: ON_OWN_TWIN,
    order: "sequence",
    numbered: { sequence: ofQueue(table) },
  })),
];
