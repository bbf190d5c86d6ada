import { record } from "../../journal/record.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { assertMayGive, assertSameRuleInputs, assertTablesExist } from "../model/lookups.ts";
import { assertRoomForUser } from "../model/room-in-account.ts";
import { insertUser, type User } from "../model/rows.ts";
import { viewUser } from "../model/schema.ts";
import { userCommand } from "../model/user-command.ts";

type Input = {
  id: string;
  roleId: string;
  name: string | null;
  description: JsonObject | null;
  activity: JsonObject | null;
};

/**
 * Creates a user with a role that permits nothing the caller's does not. The user has no secret until a PIN is
 * redeemed.
 */
export const createUser = userCommand("create_user", (tx, actor, input: Input): User => {
  assertMayGive(tx, actor, input.roleId);
  assertSameRuleInputs(tx, actor, input.description);
  assertTablesExist(input.activity);
  assertRoomForUser(tx, actor.accountId);
  const user = { ...input, accountId: actor.accountId, createdAt: tx.now, updatedAt: tx.now };
  insertUser(tx, user);
  record(tx, actor, { kind: "user.created", accountId: actor.accountId, data: viewUser(user) as JsonObject });
  return user;
});
