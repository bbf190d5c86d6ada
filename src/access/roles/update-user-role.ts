import { record } from "../../journal/record.ts";
import type { RoleRules, Statement } from "../../kernel/actor.ts";
import { omitUndefined } from "../../kernel/omit-undefined.ts";
import { endOutgrownSecrets } from "../model/end-outgrown.ts";
import { assertMayReadLedgers } from "../model/ledger-rights.ts";
import { getUserRoleWithin } from "../model/lookups.ts";
import { type Role, saveRole } from "../model/rows.ts";
import { viewRole } from "../model/schema.ts";
import { assertWithin } from "../model/statement.ts";
import { userCommand } from "../model/user-command.ts";

type Changes = { name?: string | undefined; statement?: Statement | undefined; rules?: Partial<RoleRules> | undefined };
type Changed = { role: Role; endedSecrets: number };
type Input = { id: string; changes: Changes };

/**
 * Changes a role; in effect from the next request of each of its users. The role may exceed the caller's neither before
 * nor after. Secrets of its users end if their makers held less than the changed role permits.
 */
export const updateUserRole = userCommand("update_user_role", (tx, actor, { id, changes }: Input): Changed => {
  const role = getUserRoleWithin(tx, actor, id);
  const given = omitUndefined(changes);
  if (Object.keys(given).length === 0) return { role, endedSecrets: 0 };
  const changed = { ...role, ...given, rules: { ...role.rules, ...given.rules }, updatedAt: tx.now };
  assertWithin(actor, changed, "The changed role");
  assertMayReadLedgers(actor, given.rules);
  saveRole(tx, changed);
  record(tx, actor, { kind: "role.updated", accountId: actor.accountId, data: viewRole(changed) });
  return { role: changed, endedSecrets: endOutgrownSecrets(tx, actor, changed) };
});
