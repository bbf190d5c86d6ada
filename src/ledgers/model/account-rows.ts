import { type AccountTable, countForeign, type Numbering, ON_OWN_TWIN } from "../../store/transfer/account-table.ts";

const ofQueue = (table: string, where: string): Numbering => ({
  name: table,
  sources: [`SELECT sequence AS number FROM ${table} WHERE ${where}`],
});

/** Follows references to sources that are exported too. */
const FROM_OWN_LEDGER =
  "account_id = ?1 AND source_account = ?1 AND source_twin IN (SELECT id FROM twins WHERE owner_id = ?1)";

/**
 * Includes references that wait to be copied. References to other accounts' entries keep their last value until they
 * are copied again.
 */
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
    numbered: { sequence: ofQueue(table, ON_OWN_TWIN) },
  })),
  {
    table: "reference_walks",
    where: FROM_OWN_LEDGER,
    order: "sequence",
    numbered: { sequence: ofQueue("reference_walks", FROM_OWN_LEDGER) },
  },
];
