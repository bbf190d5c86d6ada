import { overQuota } from "../../kernel/failure.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { countsOf } from "./rows.ts";

/**
 * Maximum numbers of users and roles of an account: more users than a company has employees and customers, and more
 * roles than an account can keep track of.
 */
export const USERS_MAX = 10_000;
export const ROLES_MAX = 1_000;

/** Refuses a user beyond the limit. Users that already exist stay. */
export function assertRoomForUser(reader: Reader, accountId: string): void {
  const { users: current } = countsOf(reader, accountId);
  if (current < USERS_MAX) return;
  throw overQuota(`An account has at most ${USERS_MAX} users.`, { resource: "users", quota: USERS_MAX, current });
}

/** Refuses a role beyond the limit. Roles that already exist stay. */
export function assertRoomForRole(reader: Reader, accountId: string): void {
  const { roles: current } = countsOf(reader, accountId);
  if (current < ROLES_MAX) return;
  throw overQuota(`An account has at most ${ROLES_MAX} roles.`, { resource: "roles", quota: ROLES_MAX, current });
}
