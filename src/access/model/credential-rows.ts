import type { TokenOption, UserActor } from "../../kernel/actor.ts";
import type { JsonObject } from "../../kernel/json.ts";
import {
  integer,
  integerOrNull,
  jsonOrNull,
  type Reader,
  type Row,
  type Tx,
  text,
  textOrNull,
  toJsonText,
} from "../../store/sqlite/sql.ts";
import { type Ceiling, exceedsRules, intersect } from "./ceiling.ts";
import type { CredentialDigests } from "./credentials.ts";
import { findUserAnywhere, rulesFrom, statementFrom } from "./rows.ts";

// User secrets, PINs and user tokens, and the queries that resolve one of them to an actor.

export type UserSecret = {
  userId: string;
  fingerprint: string;
  expiresAt: number | null;
  /** The latest expiry that another user set: up to it the user may prolong the secret. Null is never. */
  grantedUntil: number | null;
  /**
   * Expiry of the credential that the secret was made with; the secret cannot be prolonged beyond it. Null is never.
   */
  makerUntil: number | null;
  /** The secret ends when its user is given more than this. */
  ceiling: Ceiling | null;
  createdAt: number;
  updatedAt: number;
};

export type Pin = {
  accountId: string;
  pinDigest: string;
  userId: string;
  makerId: string;
  /** The maker's token that it was made with; null if it was made with their secret. */
  tokenId: string | null;
  secretExpiresAt: number | null;
  expiresAt: number;
};

export type UserToken = {
  id: string;
  userId: string;
  options: TokenOption[];
  secretDict: JsonObject | null;
  /** Limits what the token permits, regardless of what rights its user is given later. */
  ceiling: Ceiling | null;
  expiresAt: number | null;
  createdAt: number;
};

export function findSecret(reader: Reader, userId: string): UserSecret | undefined {
  const row = reader.get(
    `SELECT user_id, fingerprint, expires_at, granted_until, maker_until, ceiling, created_at, updated_at FROM user_secrets WHERE user_id = ?`,
    userId,
  );
  return (
    row && {
      userId: text(row, "user_id"),
      fingerprint: text(row, "fingerprint"),
      expiresAt: integerOrNull(row, "expires_at"),
      grantedUntil: integerOrNull(row, "granted_until"),
      makerUntil: integerOrNull(row, "maker_until"),
      ceiling: ceilingFrom(row),
      createdAt: integer(row, "created_at"),
      updatedAt: integer(row, "updated_at"),
    }
  );
}

/** Replaces the user's secret; tokens and PINs made under the old one end with it. */
export function replaceSecret(tx: Tx, secret: UserSecret, digests: CredentialDigests): void {
  deleteSecretRow(tx, secret.userId);
  tx.run(
    `INSERT INTO user_secrets
       (user_id, secret_digest, token_digest, fingerprint, expires_at, granted_until, maker_until, ceiling, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    secret.userId,
    digests.secretDigest,
    digests.tokenDigest,
    secret.fingerprint,
    secret.expiresAt,
    secret.grantedUntil,
    secret.makerUntil,
    toJsonText(secret.ceiling),
    secret.createdAt,
    secret.updatedAt,
  );
}

export function saveSecret(tx: Tx, secret: UserSecret): void {
  tx.run(
    "UPDATE user_secrets SET expires_at = ?, granted_until = ?, updated_at = ? WHERE user_id = ?",
    secret.expiresAt,
    secret.grantedUntil,
    secret.updatedAt,
    secret.userId,
  );
}

export function deleteSecretRow(tx: Tx, userId: string): void {
  tx.run("DELETE FROM user_secrets WHERE user_id = ?", userId);
}

/** The distinct ceilings of secrets whose users have this role. */
export const listCeilings = (reader: Reader, roleId: string): { text: string; ceiling: Ceiling }[] =>
  reader
    .all(
      `SELECT DISTINCT s.ceiling FROM users u JOIN user_secrets s ON s.user_id = u.id WHERE u.role_id = ? AND s.ceiling IS NOT NULL`,
      roleId,
    )
    .map((row) => ({ text: text(row, "ceiling"), ceiling: ceilingFrom(row) as Ceiling }));

/** Deletes the secrets of this role's users that have this ceiling; returns the users' ids. */
export function deleteSecretsUnder(tx: Tx, roleId: string, ceiling: string): string[] {
  const users = tx
    .all(
      "SELECT s.user_id FROM users u JOIN user_secrets s ON s.user_id = u.id WHERE u.role_id = ? AND s.ceiling = ?",
      roleId,
      ceiling,
    )
    .map((row) => text(row, "user_id"));
  for (const user of users) deleteSecretRow(tx, user);
  return users;
}

const PIN = "account_id, pin_digest, user_id, maker_id, token_id, secret_expires_at, expires_at";

export function findPin(reader: Reader, accountId: string, pinDigest: string): Pin | undefined {
  const row = reader.get(`SELECT ${PIN} FROM pins WHERE account_id = ? AND pin_digest = ?`, accountId, pinDigest);
  return (
    row && {
      accountId: text(row, "account_id"),
      pinDigest: text(row, "pin_digest"),
      userId: text(row, "user_id"),
      makerId: text(row, "maker_id"),
      tokenId: textOrNull(row, "token_id"),
      secretExpiresAt: integerOrNull(row, "secret_expires_at"),
      expiresAt: integer(row, "expires_at"),
    }
  );
}

/** Replaces the user's PIN. */
export function replacePin(tx: Tx, pin: Pin): void {
  deletePinOf(tx, pin.userId);
  tx.run(
    `INSERT INTO pins (${PIN}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    pin.accountId,
    pin.pinDigest,
    pin.userId,
    pin.makerId,
    pin.tokenId,
    pin.secretExpiresAt,
    pin.expiresAt,
  );
}

export function deletePinOf(tx: Tx, userId: string): void {
  tx.run("DELETE FROM pins WHERE user_id = ?", userId);
}

export function deletePin(tx: Tx, pin: Pin): void {
  tx.run("DELETE FROM pins WHERE account_id = ? AND pin_digest = ?", pin.accountId, pin.pinDigest);
}

/** Deletes at most `limit` expired PINs, oldest first, and returns how many. */
export const deletePinsBefore = (tx: Tx, instant: number, limit: number): number =>
  tx.run(
    `DELETE FROM pins WHERE user_id IN (SELECT user_id FROM pins WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
    instant,
    limit,
  );

export function insertToken(tx: Tx, token: UserToken): void {
  tx.run(
    `INSERT INTO user_tokens (id, user_id, options, secret_dict, ceiling, expires_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    token.id,
    token.userId,
    JSON.stringify(token.options),
    toJsonText(token.secretDict),
    toJsonText(token.ceiling),
    token.expiresAt,
    token.createdAt,
  );
}

export function findToken(reader: Reader, id: string): UserToken | undefined {
  const row = reader.get(
    "SELECT id, user_id, options, secret_dict, ceiling, expires_at, created_at FROM user_tokens WHERE id = ?",
    id,
  );
  return (
    row && {
      id: text(row, "id"),
      userId: text(row, "user_id"),
      options: JSON.parse(text(row, "options")),
      secretDict: jsonOrNull(row, "secret_dict"),
      ceiling: ceilingFrom(row),
      expiresAt: integerOrNull(row, "expires_at"),
      createdAt: integer(row, "created_at"),
    }
  );
}

/** Deletes at most `limit` expired tokens, oldest first, and returns how many. */
export const deleteTokensBefore = (tx: Tx, instant: number, limit: number): number =>
  tx.run(
    `DELETE FROM user_tokens WHERE id IN (SELECT id FROM user_tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
    instant,
    limit,
  );

const HOLDER = `SELECT u.id AS user_id, u.account_id, u.role_id, r.effect, r.actions, r.twin_rule, r.identity_rule, r.entry_rule, s.expires_at
  FROM user_secrets s JOIN users u ON u.id = s.user_id LEFT JOIN roles r ON r.id = u.role_id AND r.account_id = u.account_id`;

/**
 * Returns the holder of a secret, found by the digest of either of its forms. The caller has to check whether it has
 * expired.
 */
export const findHolderBySecret = (reader: Reader, secretDigest: string): UserActor | undefined =>
  actorFrom(reader, reader.get(`${HOLDER} WHERE s.secret_digest = ?`, secretDigest));

export const findHolderByToken = (reader: Reader, tokenDigest: string): UserActor | undefined =>
  actorFrom(reader, reader.get(`${HOLDER} WHERE s.token_digest = ?`, tokenDigest));

export const findHolder = (reader: Reader, userId: string): UserActor | undefined =>
  actorFrom(reader, reader.get(`${HOLDER} WHERE s.user_id = ?`, userId));

/** A user in their current state, with or without a secret: for what is done in their name later. */
export function findActor(reader: Reader, userId: string): UserActor | undefined {
  return actorFrom(
    reader,
    reader.get(
      `SELECT u.id AS user_id, u.account_id, u.role_id, r.effect, r.actions, r.twin_rule, r.identity_rule, r.entry_rule,
         NULL AS expires_at
       FROM users u LEFT JOIN roles r ON r.id = u.role_id AND r.account_id = u.account_id WHERE u.id = ?`,
      userId,
    ),
  );
}

/**
 * The holder of a user token. A token ends with its secret at the latest and permits no more than when it was made.
 * Returns undefined if a rule that bound its user then no longer does, or reads other values of that user.
 */
export function findHolderByUserToken(reader: Reader, tokenId: string): UserActor | undefined {
  const token = findToken(reader, tokenId);
  const holder = token && findHolder(reader, token.userId);
  if (!holder) return undefined;
  const { ceiling } = token;
  if (ceiling && exceedsRules(ceiling, holder.rules, ceiling.user && descriptionOf(reader, holder))) return undefined;
  const statement = ceiling && holder.statement ? intersect(holder.statement, ceiling.statement) : holder.statement;
  const expiresAt = earlier(token.expiresAt, holder.expiresAt);
  return { ...holder, statement, expiresAt, token: { id: token.id, options: token.options } };
}

const descriptionOf = (reader: Reader, holder: UserActor) =>
  findUserAnywhere(reader, holder.userId)?.description ?? null;

/** The access epoch, which the database advances with each change that may add or remove rights. */
export const accessEpoch = (reader: Reader): number =>
  integer(reader.get("SELECT epoch FROM access_epoch") as Row, "epoch");

function actorFrom(reader: Reader, row: Row | undefined): UserActor | undefined {
  if (!row) return undefined;
  return {
    kind: "user",
    accountId: text(row, "account_id"),
    userId: text(row, "user_id"),
    roleId: text(row, "role_id"),
    statement: statementFrom(row),
    rules: rulesFrom(row),
    expiresAt: integerOrNull(row, "expires_at"),
    accessEpoch: reader.once(accessEpoch),
  };
}

const ceilingFrom = (row: Row) => jsonOrNull(row, "ceiling") as Ceiling | null;

/** The earlier of two expiries; null means never. */
export const earlier = (a: number | null, b: number | null) => (a === null || b === null ? (a ?? b) : Math.min(a, b));
