import { record } from "../../journal/record.ts";
import { conflict } from "../../kernel/failure.ts";
import { getUserWithin } from "../model/lookups.ts";
import { deleteUserRow, type User } from "../model/rows.ts";
import { userCommand } from "../model/user-command.ts";

/**
 * Deletes a user with their secret, PIN and tokens, and returns the user's last state. Callers cannot delete
 * themselves.
 */
export const deleteUser = userCommand("delete_user", (tx, actor, input: { id: string }): User => {
  const user = getUserWithin(tx, actor, input.id);
  if (user.id === actor.userId) throw conflict("precondition", "A user cannot delete themselves.");
  deleteUserRow(tx, user);
  record(tx, actor, { kind: "user.deleted", accountId: actor.accountId, data: { uuid: user.id } });
  return user;
});
