import type { TokenOption, UserActor } from "../kernel/actor.ts";
import type { JsonObject } from "../kernel/json.ts";
import { integer, integerOrNull, jsonOrNull, type Reader, type Row, type Tx, text, toJsonText } from "../store/sql.ts";
import type { CredentialDigests } from "./credentials.ts";
import { statementFrom } from "./rows.ts";

// User secrets, PINs and user tokens, and the questions that turn one of them into an actor.

export type UserSecret = {
  userId: string;
  fingerprint: string;
  expiresAt: number | null;
  createdAt: number;
  updatedAt: number;
};

export type Pin = {
  accountId: string;
  pinDigest: string;
  userId: string;
  secretExpiresAt: number | null;
  expiresAt: number;
};

export type UserToken = {
  id: string;
  userId: string;
  options: TokenOption[];
  secretDict: JsonObject | null;
  expiresAt: number | null;
  createdAt: number;
};

export function findSecret(reader: Reader, userId: string): UserSecret | undefined {
  const row = reader.get(
    "SELECT user_id, fingerprint, expires_at, created_at, updated_at FROM user_secrets WHERE user_id = ?",
    userId,
  );
  return (
    row && {
      userId: text(row, "user_id"),
      fingerprint: text(row, "fingerprint"),
      expiresAt: integerOrNull(row, "expires_at"),
      createdAt: integer(row, "created_at"),
      updatedAt: integer(row, "updated_at"),
    }
  );
}

/** Gives the user this secret instead of the one they had; tokens made under the old one end with it. */
export function replaceSecret(tx: Tx, secret: UserSecret, digests: CredentialDigests): void {
  deleteSecretRow(tx, secret.userId);
  tx.run(
    `INSERT INTO user_secrets (user_id, secret_digest, token_digest, fingerprint, expires_at, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    secret.userId,
    digests.secretDigest,
    digests.tokenDigest,
    secret.fingerprint,
    secret.expiresAt,
    secret.createdAt,
    secret.updatedAt,
  );
}

export function saveSecret(tx: Tx, secret: UserSecret): void {
  tx.run(
    "UPDATE user_secrets SET expires_at = ?, updated_at = ? WHERE user_id = ?",
    secret.expiresAt,
    secret.updatedAt,
    secret.userId,
  );
}

export function deleteSecretRow(tx: Tx, userId: string): void {
  tx.run("DELETE FROM user_secrets WHERE user_id = ?", userId);
}

export function findPin(reader: Reader, accountId: string, pinDigest: string): Pin | undefined {
  const row = reader.get(
    `SELECT account_id, pin_digest, user_id, secret_expires_at, expires_at FROM pins WHERE account_id = ? AND pin_digest = ?`,
    accountId,
    pinDigest,
  );
  return (
    row && {
      accountId: text(row, "account_id"),
      pinDigest: text(row, "pin_digest"),
      userId: text(row, "user_id"),
      secretExpiresAt: integerOrNull(row, "secret_expires_at"),
      expiresAt: integer(row, "expires_at"),
    }
  );
}

/** Gives the user this PIN instead of the one they had. */
export function replacePin(tx: Tx, pin: Pin): void {
  tx.run("DELETE FROM pins WHERE user_id = ?", pin.userId);
  tx.run(
    "INSERT INTO pins (account_id, pin_digest, user_id, secret_expires_at, expires_at) VALUES (?, ?, ?, ?, ?)",
    pin.accountId,
    pin.pinDigest,
    pin.userId,
    pin.secretExpiresAt,
    pin.expiresAt,
  );
}

export function deletePin(tx: Tx, pin: Pin): void {
  tx.run("DELETE FROM pins WHERE account_id = ? AND pin_digest = ?", pin.accountId, pin.pinDigest);
}

/** Drops at most `limit` PINs that are over, oldest first, and answers how many. */
export const deletePinsBefore = (tx: Tx, instant: number, limit: number): number =>
  tx.run(
    `DELETE FROM pins WHERE user_id IN (SELECT user_id FROM pins WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
    instant,
    limit,
  );

export function insertToken(tx: Tx, token: UserToken): void {
  tx.run(
    "INSERT INTO user_tokens (id, user_id, options, secret_dict, expires_at, created_at) VALUES (?, ?, ?, ?, ?, ?)",
    token.id,
    token.userId,
    JSON.stringify(token.options),
    toJsonText(token.secretDict),
    token.expiresAt,
    token.createdAt,
  );
}

export function findToken(reader: Reader, id: string): UserToken | undefined {
  const row = reader.get(
    "SELECT id, user_id, options, secret_dict, expires_at, created_at FROM user_tokens WHERE id = ?",
    id,
  );
  return (
    row && {
      id: text(row, "id"),
      userId: text(row, "user_id"),
      options: JSON.parse(text(row, "options")),
      secretDict: jsonOrNull(row, "secret_dict"),
      expiresAt: integerOrNull(row, "expires_at"),
      createdAt: integer(row, "created_at"),
    }
  );
}

/** Drops at most `limit` tokens that are over, oldest first, and answers how many. */
export const deleteTokensBefore = (tx: Tx, instant: number, limit: number): number =>
  tx.run(
    `DELETE FROM user_tokens WHERE id IN (SELECT id FROM user_tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
    instant,
    limit,
  );

const HOLDER = `u.id AS user_id, u.account_id, u.role_id, r.effect, r.actions
  FROM user_secrets s JOIN users u ON u.id = s.user_id LEFT JOIN roles r ON r.id = u.role_id AND r.account_id = u.account_id`;
const SECRET_LIVES = "(s.expires_at IS NULL OR s.expires_at > ?)";

/** The holder of a secret that lives, found by either of its digests. */
export function findHolderBySecret(reader: Reader, secretDigest: string, now: number): UserActor | undefined {
  return actorFrom(reader.get(`SELECT ${HOLDER} WHERE s.secret_digest = ? AND ${SECRET_LIVES}`, secretDigest, now));
}

export function findHolderByToken(reader: Reader, tokenDigest: string, now: number): UserActor | undefined {
  return actorFrom(reader.get(`SELECT ${HOLDER} WHERE s.token_digest = ? AND ${SECRET_LIVES}`, tokenDigest, now));
}

/** The holder of a user token that lives, under a secret that lives. */
export function findHolderByUserToken(reader: Reader, tokenId: string, now: number): UserActor | undefined {
  const token = findToken(reader, tokenId);
  if (!token || (token.expiresAt !== null && token.expiresAt <= now)) return undefined;
  const holder = findHolder(reader, token.userId, now);
  return holder && { ...holder, token: { id: token.id, options: token.options } };
}

export function findHolder(reader: Reader, userId: string, now: number): UserActor | undefined {
  return actorFrom(reader.get(`SELECT ${HOLDER} WHERE s.user_id = ? AND ${SECRET_LIVES}`, userId, now));
}

function actorFrom(row: Row | undefined): UserActor | undefined {
  if (!row) return undefined;
  return {
    kind: "user",
    accountId: text(row, "account_id"),
    userId: text(row, "user_id"),
    roleId: text(row, "role_id"),
    statement: statementFrom(row),
  };
}
