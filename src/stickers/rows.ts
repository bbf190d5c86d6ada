import type { JsonText } from "../kernel/json-text.ts";
import {
  integer,
  integerOrNull,
  type Reader,
  type Row,
  type SqlValue,
  type Tx,
  text,
  textOrNull,
} from "../store/sql.ts";

/** A sticker is addressed by its twin, the account that put it, and its color. */
export type StickerKey = { twinId: string; accountId: string; color: string };

/** A coloured note on a twin. It never changes: it is put, and removed by one of its recipients, or expires. */
export type Sticker = StickerKey & {
  note: string | null;
  /** JSON: ids of users, roles and accounts, each once. */
  recipients: JsonText;
  /** JSON: `{"on_put": ["topic"], …}`. */
  publish: JsonText;
  createdAt: number;
  expiresAt: number;
};

/** Whom a sticker may be addressed to so that a user sees it. */
export type Addressee = { userId: string; roleId: string; accountId: string };

const STICKER = "s.twin_id, s.account_id, s.color, s.note, s.recipients, s.publish, s.created_at, s.expires_at";

export function insertSticker(tx: Tx, sticker: Sticker): void {
  tx.run(
    `INSERT INTO stickers (twin_id, account_id, color, note, recipients, publish, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    sticker.twinId,
    sticker.accountId,
    sticker.color,
    // As JSON: a NUL would end a text.
    sticker.note === null ? null : JSON.stringify(sticker.note),
    sticker.recipients,
    sticker.publish,
    sticker.createdAt,
    sticker.expiresAt,
  );
}

export function deleteSticker(tx: Tx, { twinId, accountId, color }: StickerKey): void {
  tx.run("DELETE FROM stickers WHERE twin_id = ? AND account_id = ? AND color = ?", twinId, accountId, color);
}

/** Whoever it is addressed to, and though it may be due to expire. */
export function findSticker(reader: Reader, { twinId, accountId, color }: StickerKey): Sticker | undefined {
  const row = reader.get(
    `SELECT ${STICKER} FROM stickers AS s WHERE twin_id = ? AND account_id = ? AND color = ?`,
    twinId,
    accountId,
    color,
  );
  return row && stickerFrom(row);
}

/** How many stickers an account has on a twin, counted up to `max`. */
export function countOnTwin(reader: Reader, twinId: string, accountId: string, max: number): number {
  const row = reader.get(
    "SELECT count(*) AS count FROM (SELECT 1 FROM stickers WHERE twin_id = ? AND account_id = ? LIMIT ?)",
    twinId,
    accountId,
    max,
  );
  return integer(row as Row, "count");
}

type OnTwin = { twinId: string; creators: readonly string[] | "all"; color?: string };

/** The stickers of a twin that are addressed to somebody and have not expired, by account and color. */
export function listAddressedOnTwin(reader: Reader, to: Addressee, { twinId, creators, color }: OnTwin): Sticker[] {
  const byCreator =
    creators === "all" ? NO_CLAUSE : clause("s.account_id IN (SELECT value FROM json_each(?))", creators);
  const byColor = color === undefined ? NO_CLAUSE : clause("s.color = ?", color);
  return reader
    .all(
      `SELECT ${STICKER} FROM stickers AS s
       WHERE s.twin_id = ? AND s.expires_at > ?${byCreator.sql}${byColor.sql} AND EXISTS (
         SELECT 1 FROM sticker_recipients AS r
         WHERE r.recipient_id IN (?, ?, ?) AND r.created_at = s.created_at AND r.account_id = s.account_id
           AND r.twin_id = s.twin_id AND r.color = s.color)
       ORDER BY s.account_id, s.color`,
      twinId,
      reader.now,
      ...byCreator.binds,
      ...byColor.binds,
      ...idsOf(to),
    )
    .map(stickerFrom);
}

type Filter = {
  creator: string | "all";
  color?: string | undefined;
  /** Instants of creation, both included. */
  from: number;
  to: number;
};

/**
 * A page of the stickers that are addressed to somebody, wherever they are, and have not expired: newest first, then by account, twin and
 * color, backwards too. Each of the three ids is a walk along an index, and `UNION` merges them in order, so a page costs
 * what it has and skips, not what there is.
 */
export function listAddressed(
  reader: Reader,
  to: Addressee,
  { creator, color, from, to: until }: Filter,
  page: { limit: number; offset: number },
): Sticker[] {
  const byCreator = creator === "all" ? NO_CLAUSE : clause("account_id = ?", creator);
  const byColor = color === undefined ? NO_CLAUSE : clause("color = ?", color);
  const walk = `SELECT created_at, account_id, twin_id, color FROM sticker_recipients
    WHERE recipient_id = ? AND created_at BETWEEN ? AND ? AND expires_at > ?${byCreator.sql}${byColor.sql}`;
  const binds = (id: string) => [id, from, until, reader.now, ...byCreator.binds, ...byColor.binds];
  return reader
    .all(
      `SELECT ${STICKER} FROM (
         ${walk} UNION ${walk} UNION ${walk}
         ORDER BY created_at DESC, account_id DESC, twin_id DESC, color DESC LIMIT ? OFFSET ?
       ) AS page CROSS JOIN stickers AS s USING (twin_id, account_id, color)
       ORDER BY page.created_at DESC, page.account_id DESC, page.twin_id DESC, page.color DESC`,
      ...idsOf(to).flatMap(binds),
      page.limit,
      page.offset,
    )
    .map(stickerFrom);
}

/** Among so many that have been due longest, those on one twin are looked for. */
const DUE_WINDOW = 320;

/**
 * The sticker that an instant finds due longest, and others of the same account on the same twin, in the order of their ends. What is on
 * one twin stands together in every index, and is told in one journal row, so these cost a fraction of stickers here and there.
 */
export const listDueTogether = (reader: Reader, instant: number, limit: number): Sticker[] =>
  reader
    .all(
      `SELECT ${STICKER} FROM (
         SELECT * FROM (
           SELECT twin_id, account_id, color, expires_at FROM stickers WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2
         ) WHERE (twin_id, account_id) =
           (SELECT twin_id, account_id FROM stickers WHERE expires_at <= ?1 ORDER BY expires_at LIMIT 1)
         LIMIT ?3
       ) AS due CROSS JOIN stickers AS s USING (twin_id, account_id, color)
       ORDER BY due.expires_at, due.color`,
      instant,
      DUE_WINDOW,
      limit,
    )
    .map(stickerFrom);

/** When the next sticker is due; null if there is none. */
export function nextExpiry(reader: Reader): number | null {
  const row = reader.get("SELECT min(expires_at) AS next FROM stickers");
  return row ? integerOrNull(row, "next") : null;
}

type Clause = { sql: string; binds: SqlValue[] };

const NO_CLAUSE: Clause = { sql: "", binds: [] };

const clause = (condition: string, value: string | readonly string[]): Clause => ({
  sql: ` AND ${condition}`,
  binds: [typeof value === "string" ? value : JSON.stringify(value)],
});

const idsOf = ({ userId, roleId, accountId }: Addressee) => [userId, roleId, accountId];

function stickerFrom(row: Row): Sticker {
  const note = textOrNull(row, "note");
  return {
    twinId: text(row, "twin_id"),
    accountId: text(row, "account_id"),
    color: text(row, "color"),
    note: note === null ? null : JSON.parse(note),
    recipients: text(row, "recipients") as JsonText,
    publish: text(row, "publish") as JsonText,
    createdAt: integer(row, "created_at"),
    expiresAt: integer(row, "expires_at"),
  };
}
