import type { UserActor } from "../../kernel/actor.ts";
import { assert } from "../../kernel/assert.ts";
import { conflict, forbidden, notFound } from "../../kernel/failure.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { agrees, type Ceiling, ceilingFrom, type Seen, seenBy } from "./ceiling.ts";
import { findSecret, type UserSecret } from "./credential-rows.ts";
import { type Account, findAccount, findRole, findUser, type Role, type User } from "./rows.ts";
import { assertWithin, isPermittedEverything, statementOf } from "./statement.ts";

// A caller's own things. What another account has is not found, in the same words as what nobody has.

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
 * A user whom the caller may change: one of the account's whose role permits nothing that the caller's does not, and in whom the rules that
 * bind the caller see the same. Without a role they may be given any, so they are only for those who have everything.
 */
export function getUserWithin(reader: Reader, actor: UserActor, id: string): User {
  const user = getUser(reader, actor, id);
  const role = findRole(reader, actor.accountId, user.roleId);
  if (role) assertWithin(actor, role, "The role of that user");
  else if (!isPermittedEverything(actor)) {
    throw forbidden("That user has no role: only a user whose role permits everything may change them.");
  }
  assertSeenAlike(reader, actor, user.description);
  return user;
}

/** Likewise, to change when their secret ends. A token leaves the secret alone that it stands in for. */
export function getUserWithSecretWithin(reader: Reader, actor: UserActor, id: string): User {
  const user = getUserWithin(reader, actor, id);
  if (actor.token && id === actor.userId) throw forbidden("A token cannot change the secret that it stands in for.");
  return user;
}

/** Refuses to make, or to become, a user with a description by which the rules that bind the caller would let through something else. */
export function assertSeenAlike(reader: Reader, actor: UserActor, description: JsonObject | null): void {
  if (agrees(seenOf(reader, actor), description)) return;
  throw forbidden(
    "What the rules that bind the caller read of that user's description is not what they read of the caller's.",
  );
}

/** All that the caller holds, as the ceiling of a credential that they make. */
export const ceilingOf = (reader: Reader, actor: UserActor): Ceiling | null =>
  ceilingFrom(statementOf(actor), actor.rules, seenOf(reader, actor));

function seenOf(reader: Reader, actor: UserActor): Seen | null {
  if (Object.values(actor.rules).every((rule) => rule === null)) return null;
  return seenBy(actor.rules, findUser(reader, actor.accountId, actor.userId)?.description ?? null);
}

/** A role that the caller may change or delete, likewise. */
export function getUserRoleWithin(reader: Reader, actor: UserActor, id: string): Role {
  const role = getUserRole(reader, actor, id);
  assertWithin(actor, role, "That role");
  return role;
}

/** A role that the caller may give to a user; one that does not exist is a state of things (400), not a missing resource. */
export function assertMayGive(reader: Reader, actor: UserActor, roleId: string): void {
  const role = findRole(reader, actor.accountId, roleId);
  if (!role) throw conflict("precondition", "There is no such role in the account.");
  assertWithin(actor, role, "That role");
}

/** An access log can only go to tables that exist, and this server has none (specification 2.15 is not built). */
export function assertTablesExist(log: JsonObject | null | undefined): void {
  for (const table of Object.keys(log ?? {})) throw conflict("precondition", `There is no timeseries table ${table}.`);
}
