import type { UserActor } from "../../kernel/actor.ts";
import { assert } from "../../kernel/assert.ts";
import { conflict, forbidden, notFound } from "../../kernel/failure.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { type Ceiling, ceilingFrom, hasSameRuleInputs, type ObservedUser, observedUser } from "./ceiling.ts";
import { findSecret, type UserSecret } from "./credential-rows.ts";
import { type Account, findAccount, findRole, findUser, type Role, type User } from "./rows.ts";
import { assertWithin, isPermittedEverything, statementOf } from "./statement.ts";

// The caller's own things. Another account's are not found, in the same words as ids that do not exist.

export function getAccount(reader: Reader, actor: UserActor): Account {
  const account = findAccount(reader, actor.accountId);
  assert(account, "a user's account exists");
  return account;
}

export function getUser(reader: Reader, actor: UserActor, id: string): User {
  const user = findUser(reader, actor.accountId, id);
  if (!user) throw notFound("User", id);
  return user;
}

export function getUserRole(reader: Reader, actor: UserActor, id: string): Role {
  const role = findRole(reader, actor.accountId, id);
  if (!role) throw notFound("Role", id);
  return role;
}

export function getUserSecret(reader: Reader, user: User): UserSecret {
  const secret = findSecret(reader, user.id);
  if (!secret) throw notFound("User Secret", user.id);
  return secret;
}

/**
 * A user whom the caller may change: one of the account whose role permits nothing that the caller's does not, and of
 * whom the rules that bind the caller read the same values as of the caller. A user without a role could be given any,
 * so only callers with all rights may change one.
 */
export function getUserWithin(reader: Reader, actor: UserActor, id: string): User {
  const user = getUser(reader, actor, id);
  const role = findRole(reader, actor.accountId, user.roleId);
  if (role) assertWithin(actor, role, "The role of that user");
  else if (!isPermittedEverything(actor)) {
    throw forbidden("That user has no role: only a user whose role permits everything may change them.");
  }
  assertSameRuleInputs(reader, actor, user.description);
  return user;
}

/**
 * Finds the same user, to change the expiry of the user's secret. A token may not change the secret that it represents.
 */
export function getUserWithSecretWithin(reader: Reader, actor: UserActor, id: string): User {
  const user = getUserWithin(reader, actor, id);
  if (actor.token && id === actor.userId) throw forbidden("A token cannot change the secret that it stands in for.");
  return user;
}

/**
 * Refuses to create, or to change into, a user with a description that changes what the rules that bind the caller
 * permit.
 */
export function assertSameRuleInputs(reader: Reader, actor: UserActor, description: JsonObject | null): void {
  if (hasSameRuleInputs(seenOf(reader, actor), description)) return;
  throw forbidden(
    "What the rules that bind the caller read of that user's description is not what they read of the caller's.",
  );
}

/** All rights of the caller, as the ceiling of a credential that they make. */
export const ceilingOf = (reader: Reader, actor: UserActor): Ceiling | null =>
  ceilingFrom(statementOf(actor), actor.rules, seenOf(reader, actor));

function seenOf(reader: Reader, actor: UserActor): ObservedUser | null {
  if (Object.values(actor.rules).every((rule) => rule === null)) return null;
  return observedUser(actor.rules, findUser(reader, actor.accountId, actor.userId)?.description ?? null);
}

/** A role that the caller may change or delete: one that permits nothing that the caller's does not. */
export function getUserRoleWithin(reader: Reader, actor: UserActor, id: string): Role {
  const role = getUserRole(reader, actor, id);
  assertWithin(actor, role, "That role");
  return role;
}

/**
 * Refuses a role that the caller may not assign. A role that does not exist is a conflict (400) here, not a missing
 * resource.
 */
export function assertMayGive(reader: Reader, actor: UserActor, roleId: string): void {
  const role = findRole(reader, actor.accountId, roleId);
  if (!role) throw conflict("precondition", "There is no such role in the account.");
  assertWithin(actor, role, "That role");
}

/** An access log can only go to tables that exist, and this server has none (specification 2.15 is not implemented). */
export function assertTablesExist(log: JsonObject | null | undefined): void {
  for (const table of Object.keys(log ?? {})) throw conflict("precondition", `There is no timeseries table ${table}.`);
}
