import type { Author } from "../policy/author.ts";
import { integer, integerOrNull, type Reader, type Row, type Tx, text, textOrNull } from "../store/sqlite/sql.ts";

/** An external name of a twin, owned by the account that gave it. */
export type Identity = {
  twinId: string;
  accountId: string;
  name: string;
  /** A rule that decides which users of other accounts see it; null keeps it private. */
  visibility: string | null;
  /** Who set that rule. */
  author: Author | null;
  expiresAt: number | null;
  createdAt: number;
  updatedAt: number;
};

const IDENTITY = "twin_id, account_id, name, visibility, author, expires_at, created_at, updated_at";

export function findIdentity(reader: Reader, twinId: string, accountId: string, name: string): Identity | undefined {
  const row = reader.get(
    `SELECT ${IDENTITY} FROM identities WHERE account_id = ? AND name = ? AND twin_id = ?`,
    accountId,
    name,
    twinId,
  );
  return row && identityFrom(row);
}

/** How many identities an account has given a twin, counted up to `max`. */
export function countIdentities(reader: Reader, twinId: string, accountId: string, max: number): number {
  const row = reader.get(
    `SELECT count(*) AS count FROM (SELECT 1 FROM identities INDEXED BY identities_by_twin
     WHERE twin_id = ? AND account_id = ? LIMIT ?)`,
    twinId,
    accountId,
    max,
  );
  return integer(row as Row, "count");
}

// Of other accounts' rows, queries touch only those that were made visible: each query costs what it returns.

/** Lists an account's identities on a twin after a name, ordered by name. */
export const listOnTwin = (
  reader: Reader,
  twinId: string,
  { accountId, visibleOnly }: { accountId: string; visibleOnly: boolean },
  after: string,
  limit: number,
): Identity[] =>
  reader.all(visibleOnly ? VISIBLE_ON_TWIN : ALL_ON_TWIN, twinId, accountId, after, limit).map(identityFrom);

const ALL_ON_TWIN = `SELECT ${IDENTITY} FROM identities INDEXED BY identities_by_twin
  WHERE twin_id = ? AND account_id = ? AND name > ? ORDER BY name LIMIT ?`;
const VISIBLE_ON_TWIN = `SELECT ${IDENTITY} FROM identities INDEXED BY identities_visible_on_twin
  WHERE twin_id = ? AND account_id = ? AND name > ? AND visibility IS NOT NULL ORDER BY name LIMIT ?`;

/** Accounts, after one, that have made identities on a twin visible. */
export const listAccountsOnTwin = (reader: Reader, twinId: string, after: string, limit: number): string[] =>
  reader.all(ACCOUNTS_ON_TWIN, twinId, after, limit).map((row) => text(row, "account_id"));

/** The identities with a name that one account has given, after a twin, ordered by twin id. */
export const listByName = (
  reader: Reader,
  name: string,
  { accountId, visibleOnly }: { accountId: string; visibleOnly: boolean },
  after: string,
  limit: number,
): Identity[] =>
  reader.all(visibleOnly ? VISIBLE_BY_NAME : ALL_BY_NAME, name, accountId, after, limit).map(identityFrom);

const ALL_BY_NAME = `SELECT ${IDENTITY} FROM identities
  WHERE name = ? AND account_id = ? AND twin_id > ? ORDER BY twin_id LIMIT ?`;
const VISIBLE_BY_NAME = `SELECT ${IDENTITY} FROM identities INDEXED BY identities_visible_by_name
  WHERE name = ? AND account_id = ? AND twin_id > ? AND visibility IS NOT NULL ORDER BY twin_id LIMIT ?`;

/** Accounts, after one, that have made identities with a name visible. */
export const listAccountsByName = (reader: Reader, name: string, after: string, limit: number): string[] =>
  reader.all(ACCOUNTS_BY_NAME, name, after, limit).map((row) => text(row, "account_id"));

/** Skips from account to account, each one index step, however many identities an account has. */
const accountsOf = (index: string, column: string) => {
  const next = (after: string) =>
    `SELECT min(account_id) FROM identities INDEXED BY ${index}
     WHERE ${column} = ?1 AND account_id > ${after} AND visibility IS NOT NULL`;
  return `SELECT account_id FROM (
    WITH RECURSIVE accounts (account_id) AS (
      SELECT (${next("?2")}) UNION ALL SELECT (${next("accounts.account_id")}) FROM accounts WHERE account_id IS NOT NULL LIMIT ?3
    ) SELECT account_id FROM accounts) WHERE account_id IS NOT NULL`;
};
const ACCOUNTS_ON_TWIN = accountsOf("identities_visible_on_twin", "twin_id");
const ACCOUNTS_BY_NAME = accountsOf("identities_visible_by_name", "name");

export function insertIdentity(tx: Tx, identity: Identity): void {
  tx.run(
    `INSERT INTO identities (${IDENTITY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    identity.twinId,
    identity.accountId,
    identity.name,
    identity.visibility,
    identity.author && JSON.stringify(identity.author),
    identity.expiresAt,
    identity.createdAt,
    identity.updatedAt,
  );
}

export function saveIdentity(tx: Tx, identity: Identity): void {
  tx.run(
    `UPDATE identities SET visibility = ?, author = ?, expires_at = ?, updated_at = ?
     WHERE account_id = ? AND name = ? AND twin_id = ?`,
    identity.visibility,
    identity.author && JSON.stringify(identity.author),
    identity.expiresAt,
    identity.updatedAt,
    identity.accountId,
    identity.name,
    identity.twinId,
  );
}

export function deleteIdentityRow(tx: Tx, { twinId, accountId, name }: Identity): void {
  tx.run("DELETE FROM identities WHERE account_id = ? AND name = ? AND twin_id = ?", accountId, name, twinId);
}

function authorFrom(row: Row): Author | null {
  const author = textOrNull(row, "author");
  return author === null ? null : JSON.parse(author);
}

function identityFrom(row: Row): Identity {
  return {
    twinId: text(row, "twin_id"),
    accountId: text(row, "account_id"),
    name: text(row, "name"),
    visibility: textOrNull(row, "visibility"),
    author: authorFrom(row),
    expiresAt: integerOrNull(row, "expires_at"),
    createdAt: integer(row, "created_at"),
    updatedAt: integer(row, "updated_at"),
  };
}
