import { overQuota } from "../../kernel/failure.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { countsOf } from "./rows.ts";

/** Far more people than a company has, who may be customers of its own; and more roles than anybody keeps apart. */
export const USERS_MAX = 10_000;
export const ROLES_MAX = 1_000;

/** Refuses one user too many. Those that are there already stay. */
export function assertRoomForUser(reader: Reader, accountId: string): void {
  const { users: current } = countsOf(reader, accountId);
  if (current < USERS_MAX) return;
  throw overQuota(`An account has at most ${USERS_MAX} users.`, { resource: "users", quota: USERS_MAX, current });
}

/** Likewise a role. */
export function assertRoomForRole(reader: Reader, accountId: string): void {
  const { roles: current } = countsOf(reader, accountId);
  if (current < ROLES_MAX) return;
  throw overQuota(`An account has at most ${ROLES_MAX} roles.`, { resource: "roles", quota: ROLES_MAX, current });
}
