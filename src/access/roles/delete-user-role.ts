import { record } from "../../journal/record.ts";
import { conflict } from "../../kernel/failure.ts";
import { getUserRoleWithin } from "../model/lookups.ts";
import { deleteRoleRow, type Role } from "../model/rows.ts";
import { userCommand } from "../model/user-command.ts";

/** Deletes a role and returns its last state. Its users are locked out, so callers cannot delete their own role. */
export const deleteUserRole = userCommand("delete_user_role", (tx, actor, input: { id: string }): Role => {
  const role = getUserRoleWithin(tx, actor, input.id);
  if (role.id === actor.roleId) throw conflict("precondition", "A user cannot delete their own role.");
  deleteRoleRow(tx, role);
  record(tx, actor, { kind: "role.deleted", accountId: actor.accountId, data: { uuid: role.id } });
  return role;
});
