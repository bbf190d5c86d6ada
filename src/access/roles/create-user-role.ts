import { record } from "../../journal/record.ts";
import type { RoleRules, Statement } from "../../kernel/actor.ts";
import { assertMayReadLedgers } from "../model/ledger-rights.ts";
import { assertRoomForRole } from "../model/room-in-account.ts";
import { insertRole, type Role } from "../model/rows.ts";
import { viewRole } from "../model/schema.ts";
import { assertWithin } from "../model/statement.ts";
import { userCommand } from "../model/user-command.ts";

type Input = { id: string; name: string; statement: Statement; rules: RoleRules };

/** Creates a role that permits nothing the caller's does not, and contains the rules that bind the caller. */
export const createUserRole = userCommand("create_user_role", (tx, actor, input: Input): Role => {
  assertWithin(actor, input, "The new role");
  assertMayReadLedgers(actor, input.rules);
  assertRoomForRole(tx, actor.accountId);
  const role = { ...input, accountId: actor.accountId, createdAt: tx.now, updatedAt: tx.now };
  insertRole(tx, role);
  record(tx, actor, { kind: "role.created", accountId: actor.accountId, data: viewRole(role) });
  return role;
});
