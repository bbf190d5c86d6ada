import { record } from "../events/record.ts";
import type { Statement } from "../kernel/actor.ts";
import { definedOf } from "../kernel/object.ts";
import { getUserRoleWithin } from "./lookups.ts";
import { type Role, saveRole } from "./rows.ts";
import { viewRole } from "./schema.ts";
import { assertWithin } from "./statement.ts";
import { userCommand } from "./user-command.ts";

type Input = { id: string; changes: { name?: string | undefined; statement?: Statement | undefined } };

/** Changes a role, from the next request of each of its users on. Neither before nor after does it permit more than the caller's. */
export const updateUserRole = userCommand("update_user_role", (tx, actor, { id, changes }: Input): Role => {
  const role = getUserRoleWithin(tx, actor, id);
  const given = definedOf(changes);
  if (Object.keys(given).length === 0) return role;
  if (given.statement) assertWithin(actor, given.statement, "The changed role");
  const changed = { ...role, ...given, updatedAt: tx.now };
  saveRole(tx, changed);
  record(tx, actor, { kind: "role.updated", accountId: actor.accountId, data: viewRole(changed) });
  return changed;
});
