import type { RoleRules, Statement } from "../../kernel/actor.ts";
import type { JsonObject } from "../../kernel/json.ts";
import {
  integer,
  jsonOrNull,
  type Reader,
  type Row,
  type Tx,
  text,
  textOrNull,
  toJsonText,
} from "../../store/sqlite/sql.ts";

// Accounts, roles and users. Their credentials are in credential-rows.ts.

export type Account = {
  id: string;
  name: string;
  resourceAccessLog: JsonObject | null;
  createdAt: number;
  updatedAt: number;
};

export type Role = {
  id: string;
  accountId: string;
  name: string;
  statement: Statement;
  rules: RoleRules;
  createdAt: number;
  updatedAt: number;
};

export type User = {
  id: string;
  accountId: string;
  roleId: string;
  name: string | null;
  description: JsonObject | null;
  activity: JsonObject | null;
  createdAt: number;
  updatedAt: number;
};

export function findAccount(reader: Reader, id: string): Account | undefined {
  const row = reader.get("SELECT id, name, resource_access_log, created_at, updated_at FROM accounts WHERE id = ?", id);
  return (
    row && {
      id: text(row, "id"),
      name: text(row, "name"),
      resourceAccessLog: jsonOrNull(row, "resource_access_log"),
      createdAt: integer(row, "created_at"),
      updatedAt: integer(row, "updated_at"),
    }
  );
}

export function insertAccount(tx: Tx, account: Account): void {
  tx.run(
    "INSERT INTO accounts (id, name, resource_access_log, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
    account.id,
    account.name,
    toJsonText(account.resourceAccessLog),
    account.createdAt,
    account.updatedAt,
  );
}

export function saveAccount(tx: Tx, account: Account): void {
  tx.run(
    "UPDATE accounts SET resource_access_log = ?, updated_at = ? WHERE id = ?",
    toJsonText(account.resourceAccessLog),
    account.updatedAt,
    account.id,
  );
}

/** Numbers of an account's things that database triggers count. */
export function countsOf(reader: Reader, accountId: string): { users: number; roles: number; references: number } {
  const row = reader.get("SELECT user_count, role_count, reference_count FROM accounts WHERE id = ?", accountId) ?? {};
  return {
    users: integer(row, "user_count"),
    roles: integer(row, "role_count"),
    references: integer(row, "reference_count"),
  };
}

/** Whether this database has any account yet. */
export const hasAccounts = (reader: Reader) => reader.get("SELECT 1 FROM accounts LIMIT 1") !== undefined;

/** Position of a role or user in the order of creation. */
export type Place = [createdAt: number, id: string];

const ROLE = "id, account_id, name, effect, actions, twin_rule, identity_rule, entry_rule, created_at, updated_at";

export function findRole(reader: Reader, accountId: string, id: string): Role | undefined {
  const row = reader.get(`SELECT ${ROLE} FROM roles WHERE id = ? AND account_id = ?`, id, accountId);
  return row && roleFrom(row);
}

/** The part of a role that lists show: rules are long. */
export type RoleInBrief = Pick<Role, "id" | "name" | "createdAt" | "updatedAt">;

/** Roles of an account after a position, oldest first. */
export const listRoles = (reader: Reader, accountId: string, after: Place, limit: number): RoleInBrief[] =>
  reader
    .all(
      `SELECT id, name, created_at, updated_at FROM roles
       WHERE account_id = ? AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?`,
      accountId,
      ...after,
      limit,
    )
    .map((row) => ({
      id: text(row, "id"),
      name: text(row, "name"),
      createdAt: integer(row, "created_at"),
      updatedAt: integer(row, "updated_at"),
    }));

export function insertRole(tx: Tx, role: Role): void {
  tx.run(
    `INSERT INTO roles (${ROLE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    role.id,
    role.accountId,
    role.name,
    role.statement.effect,
    role.statement.actions && JSON.stringify(role.statement.actions),
    role.rules.twin,
    role.rules.identity,
    role.rules.entry,
    role.createdAt,
    role.updatedAt,
  );
}

export function saveRole(tx: Tx, role: Role): void {
  tx.run(
    `UPDATE roles SET name = ?, effect = ?, actions = ?, twin_rule = ?, identity_rule = ?, entry_rule = ?, updated_at = ?
     WHERE id = ? AND account_id = ?`,
    role.name,
    role.statement.effect,
    role.statement.actions && JSON.stringify(role.statement.actions),
    role.rules.twin,
    role.rules.identity,
    role.rules.entry,
    role.updatedAt,
    role.id,
    role.accountId,
  );
}

export function deleteRoleRow(tx: Tx, role: Role): void {
  tx.run("DELETE FROM roles WHERE id = ? AND account_id = ?", role.id, role.accountId);
}

function roleFrom(row: Row): Role {
  return {
    id: text(row, "id"),
    accountId: text(row, "account_id"),
    name: text(row, "name"),
    statement: statementFrom(row) as Statement,
    rules: rulesFrom(row),
    createdAt: integer(row, "created_at"),
    updatedAt: integer(row, "updated_at"),
  };
}

/** Null if the outer join found no role. */
export function statementFrom(row: Row): Statement | null {
  const effect = textOrNull(row, "effect");
  if (effect !== "allow" && effect !== "deny") return null;
  const actions = textOrNull(row, "actions");
  return { effect, actions: actions === null ? null : JSON.parse(actions) };
}

/** All null if the outer join found no role. */
export const rulesFrom = (row: Row): RoleRules => ({
  twin: textOrNull(row, "twin_rule"),
  identity: textOrNull(row, "identity_rule"),
  entry: textOrNull(row, "entry_rule"),
});

const USER = "id, account_id, role_id, name, description, activity, created_at, updated_at";

export function findUser(reader: Reader, accountId: string, id: string): User | undefined {
  const row = reader.get(`SELECT ${USER} FROM users WHERE id = ? AND account_id = ?`, id, accountId);
  return row && userFrom(row);
}

/** A user of any account: for the operator of the machine. */
export function findUserAnywhere(reader: Reader, id: string): User | undefined {
  const row = reader.get(`SELECT ${USER} FROM users WHERE id = ?`, id);
  return row && userFrom(row);
}

/** The part of a user that lists show: descriptions are long. */
export type UserInBrief = Pick<User, "id" | "roleId" | "name" | "createdAt" | "updatedAt">;

/** Users of an account after a position, oldest first. */
export const listUsers = (reader: Reader, accountId: string, after: Place, limit: number): UserInBrief[] =>
  reader
    .all(
      `SELECT id, role_id, name, created_at, updated_at FROM users
       WHERE account_id = ? AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?`,
      accountId,
      ...after,
      limit,
    )
    .map((row) => ({
      id: text(row, "id"),
      roleId: text(row, "role_id"),
      name: textOrNull(row, "name"),
      createdAt: integer(row, "created_at"),
      updatedAt: integer(row, "updated_at"),
    }));

export function insertUser(tx: Tx, user: User): void {
  tx.run(
    `INSERT INTO users (${USER}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    user.id,
    user.accountId,
    user.roleId,
    user.name,
    toJsonText(user.description),
    toJsonText(user.activity),
    user.createdAt,
    user.updatedAt,
  );
}

export function saveUser(tx: Tx, user: User): void {
  tx.run(
    "UPDATE users SET role_id = ?, name = ?, description = ?, activity = ?, updated_at = ? WHERE id = ? AND account_id = ?",
    user.roleId,
    user.name,
    toJsonText(user.description),
    toJsonText(user.activity),
    user.updatedAt,
    user.id,
    user.accountId,
  );
}

/** Also deletes the user's secret, PIN and tokens. */
export function deleteUserRow(tx: Tx, user: User): void {
  tx.run("DELETE FROM users WHERE id = ? AND account_id = ?", user.id, user.accountId);
}

function userFrom(row: Row): User {
  return {
    id: text(row, "id"),
    accountId: text(row, "account_id"),
    roleId: text(row, "role_id"),
    name: textOrNull(row, "name"),
    description: jsonOrNull(row, "description"),
    activity: jsonOrNull(row, "activity"),
    createdAt: integer(row, "created_at"),
    updatedAt: integer(row, "updated_at"),
  };
}
