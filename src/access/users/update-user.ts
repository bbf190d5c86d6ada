import { record } from "../../journal/record.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { omitUndefined } from "../../kernel/omit-undefined.ts";
import { endOutgrownSecret } from "../model/end-outgrown.ts";
import { assertMayGive, assertSameRuleInputs, assertTablesExist, getUserWithin } from "../model/lookups.ts";
import { findRole, saveUser, type User } from "../model/rows.ts";
import { viewUser } from "../model/schema.ts";
import { userCommand } from "../model/user-command.ts";

type Changes = {
  roleId?: string | undefined;
  name?: string | null | undefined;
  description?: JsonObject | null | undefined;
  activity?: JsonObject | null | undefined;
};
type Changed = { user: User; endedSecrets: number };
type Input = { id: string; changes: Changes };

/**
 * Changes a user; absent fields stay, a description is replaced as a whole (1.5). Neither the old nor the new role may
 * exceed the caller's. The user's secret ends if its maker held less than the user is given.
 */
export const updateUser = userCommand("update_user", (tx, actor, { id, changes }: Input): Changed => {
  const user = getUserWithin(tx, actor, id);
  const given = omitUndefined(changes);
  if (Object.keys(given).length === 0) return { user, endedSecrets: 0 };
  if (given.roleId) assertMayGive(tx, actor, given.roleId);
  assertTablesExist(given.activity);
  const changed = { ...user, ...given, updatedAt: tx.now };
  assertSameRuleInputs(tx, actor, changed.description);
  saveUser(tx, changed);
  record(tx, actor, { kind: "user.updated", accountId: actor.accountId, data: viewUser(changed) as JsonObject });
  const role = findRole(tx, actor.accountId, changed.roleId);
  return { user: changed, endedSecrets: role ? endOutgrownSecret(tx, actor, changed, role) : 0 };
});
