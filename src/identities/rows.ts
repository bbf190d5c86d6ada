import type { Author } from "../policy/author.ts";
import { integer, integerOrNull, type Reader, type Row, type Tx, text, textOrNull } from "../store/sql.ts";

/** An outside name of a twin, of the account that gave it. */
export type Identity = {
  twinId: string;
  accountId: string;
  name: string;
  /** A rule by which users of other accounts see it; null keeps it private. */
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

/** Those of all accounts, in the order of their names. */
export const listTwinIdentities = (reader: Reader, twinId: string): Identity[] =>
  reader
    .all(`SELECT ${IDENTITY} FROM identities WHERE twin_id = ? ORDER BY name, account_id`, twinId)
    .map(identityFrom);

/** Where a name leads in some accounts, or in all, oldest first. At most `limit`. */
export function listIdentitiesByName(
  reader: Reader,
  name: string,
  accountIds: readonly string[] | "all",
  limit: number,
): Identity[] {
  const order = "ORDER BY created_at, twin_id, account_id LIMIT ?";
  const rows =
    accountIds === "all"
      ? reader.all(`SELECT ${IDENTITY} FROM identities WHERE name = ? ${order}`, name, limit)
      : reader.all(
          `SELECT ${IDENTITY} FROM identities WHERE name = ? AND account_id IN (SELECT value FROM json_each(?)) ${order}`,
          name,
          JSON.stringify(accountIds),
          limit,
        );
  return rows.map(identityFrom);
}

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
