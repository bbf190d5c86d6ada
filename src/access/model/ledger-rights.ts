import type { RoleRules, UserActor } from "../../kernel/actor.ts";
import { forbidden } from "../../kernel/failure.ts";
import { compileRule, variablesOf } from "../../rules/rule.ts";
import { permits } from "./statement.ts";

const TELL_OF_LEDGERS = [
  ...(["get_twin_ledger_entry", "get_twin_ledger_entry_value", "get_twin_ledger_entry_history", "scan_twins"] as const),
  ...(["add_twin_ledger_entry", "update_twin_ledger_entry", "update_twin_ledger_entry_value"] as const),
  "delete_twin_ledger_entry",
] as const;

/**
 * Whether any permitted operation reveals something of the account's ledgers, if only through a condition or a match.
 */
export const mayReadLedgers = ({ statement }: Pick<UserActor, "statement">): boolean =>
  statement !== null && TELL_OF_LEDGERS.some((action) => permits(statement, action));

/**
 * Refuses rules that read a ledger from a caller who may not read ledgers: what a rule permits reveals what it has
 * read.
 */
export function assertMayReadLedgers(actor: UserActor, rules: Partial<RoleRules> = {}): void {
  if (mayReadLedgers(actor)) return;
  for (const rule of Object.values(rules)) {
    if (rule !== null && variablesOf(compileRule(rule)).has("LEDGER")) {
      throw forbidden("The rules read LEDGER, but the role of the user permits no operation that reads ledgers.");
    }
  }
}
