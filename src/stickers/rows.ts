import type { JsonText } from "../kernel/json-text.ts";
import {
  declareTopic,
  integer,
  integerOrNull,
  type Reader,
  type Row,
  type SqlValue,
  type Tx,
  text,
  textOrNull,
} from "../store/sqlite/sql.ts";

/** Wakes the job that expires stickers: a sticker was put. */
export const STICKERS_TOPIC = declareTopic("stickers");

/** The key of a sticker: its twin, the account that put it, and its color. */
type StickerKey = { twinId: string; accountId: string; color: string };

/** A coloured note on a twin. It never changes: it is put, and then removed by one of its recipients, or expires. */
export type Sticker = StickerKey & {
  note: string | null;
  /** JSON: ids of users, roles and accounts, each once. */
  recipients: JsonText;
  /** JSON: `{"on_put": ["topic"], …}`. */
  publish: JsonText;
  createdAt: number;
  expiresAt: number;
};

/** The ids that make a user a recipient of a sticker. */
type Addressee = { userId: string; roleId: string; accountId: string };

const STICKER = "s.twin_id, s.account_id, s.color, s.note, s.recipients, s.publish, s.created_at, s.expires_at";

export function insertSticker(tx: Tx, sticker: Sticker): void {
  tx.run(
    `INSERT INTO stickers (twin_id, account_id, color, note, recipients, publish, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    sticker.twinId,
    sticker.accountId,
    sticker.color,
    // As JSON, because a NUL would end an SQL text.
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

/** Finds a sticker for any caller, even if it is due to expire. */
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

// Queries for a recipient on one twin use the index by recipient, so they do not touch other recipients' stickers
// there.

const ON_TWIN = `SELECT color FROM sticker_recipients INDEXED BY sticker_recipients_on_twin
  WHERE recipient_id = ? AND twin_id = ? AND account_id = ? AND color > ?`;

/** One account's stickers on a twin addressed to a user, after a color, ordered by color; some may be due to expire. */
export const listAddressedOnTwin = (
  reader: Reader,
  to: Addressee,
  { twinId, accountId }: { twinId: string; accountId: string },
  after: string,
  limit: number,
): Sticker[] =>
  reader
    .all(
      `SELECT ${STICKER} FROM (${ON_TWIN} UNION ${ON_TWIN} UNION ${ON_TWIN} ORDER BY color LIMIT ?) AS page
       CROSS JOIN stickers AS s ON s.twin_id = ? AND s.account_id = ? AND s.color = page.color`,
      ...idsOf(to).flatMap((id) => [id, twinId, accountId, after]),
      limit,
      twinId,
      accountId,
    )
    .map(stickerFrom)
    .sort((a, b) => (a.color < b.color ? -1 : 1));

/** Accounts, after one, with stickers on a twin addressed to a user. */
export function listCreatorsOnTwin(
  reader: Reader,
  to: Addressee,
  twinId: string,
  after: string,
  limit: number,
): string[] {
  const found: string[] = [];
  for (let last = after; found.length < limit; ) {
    const row = reader.get(NEXT_CREATOR, ...idsOf(to).flatMap((id) => [id, twinId, last])) as Row;
    const next = textOrNull(row, "account_id");
    if (next === null) break;
    found.push(next);
    last = next;
  }
  return found;
}

const FIRST_CREATOR = `SELECT min(account_id) AS account_id FROM sticker_recipients INDEXED BY sticker_recipients_on_twin
  WHERE recipient_id = ? AND twin_id = ? AND account_id > ?`;
const NEXT_CREATOR = `SELECT min(account_id) AS account_id FROM (
  ${FIRST_CREATOR} UNION ALL ${FIRST_CREATOR} UNION ALL ${FIRST_CREATOR})`;

/** The sticker with that key, if it is addressed to the user and has not expired. */
export function findAddressedSticker(reader: Reader, to: Addressee, { twinId, accountId, color }: StickerKey) {
  const row = reader.get(
    `SELECT ${STICKER} FROM stickers AS s
     WHERE s.twin_id = ? AND s.account_id = ? AND s.color = ? AND s.expires_at > ? AND EXISTS (
       SELECT 1 FROM sticker_recipients AS r
       WHERE r.recipient_id IN (?, ?, ?) AND r.twin_id = s.twin_id AND r.account_id = s.account_id AND r.color = s.color)`,
    twinId,
    accountId,
    color,
    reader.now,
    ...idsOf(to),
  );
  return row && stickerFrom(row);
}

export type Filter = {
  creator: string | "all";
  color?: string | undefined;
  /** Instants of creation, both included. */
  from: number;
  to: number;
};

/** Position of a sticker in such a list. */
export type Place = [createdAt: number, accountId: string, twinId: string, color: string];

/**
 * Unexpired stickers addressed to a user on any twin: newest first, then descending by account, twin and color. Each of
 * the three ids is an index scan, and `UNION` merges them in order, so a page costs what it returns and skips, not what
 * exists.
 */
function walkOf(reader: Reader, to: Addressee, { creator, color, from, to: until }: Filter, behind: Place | null) {
  const byCreator = creator === "all" ? NO_CLAUSE : clause("account_id = ?", creator);
  const byColor = color === undefined ? NO_CLAUSE : clause("color = ?", color);
  const byPlace = behind
    ? { sql: " AND (created_at, account_id, twin_id, color) < (?, ?, ?, ?)", binds: behind }
    : NO_CLAUSE;
  const walk = `SELECT created_at, account_id, twin_id, color FROM sticker_recipients
    WHERE recipient_id = ? AND created_at BETWEEN ? AND ? AND expires_at > ?${byCreator.sql}${byColor.sql}${byPlace.sql}`;
  const newest = behind ? Math.min(until, behind[0]) : until;
  const binds = (id: string) => [id, from, newest, reader.now, ...byCreator.binds, ...byColor.binds, ...byPlace.binds];
  return {
    sql: `${walk} UNION ${walk} UNION ${walk} ORDER BY created_at DESC, account_id DESC, twin_id DESC, color DESC`,
    binds: idsOf(to).flatMap(binds),
  };
}

/** Lists a page of the unexpired stickers addressed to a user, after a position. */
export function listAddressedStickers(
  reader: Reader,
  to: Addressee,
  filter: Filter,
  page: { behind: Place | null; limit: number; offset: number },
): Sticker[] {
  const { sql, binds } = walkOf(reader, to, filter, page.behind);
  return reader
    .all(
      `SELECT ${STICKER} FROM (${sql} LIMIT ? OFFSET ?) AS page CROSS JOIN stickers AS s USING (twin_id, account_id, color)
       ORDER BY page.created_at DESC, page.account_id DESC, page.twin_id DESC, page.color DESC`,
      ...binds,
      page.limit,
      page.offset,
    )
    .map(stickerFrom);
}

/** The position of the sticker `count` places after another; null if the list ends before that. */
export function placeAtOffset(
  reader: Reader,
  to: Addressee,
  filter: Filter,
  behind: Place | null,
  count: number,
): Place | null {
  const { sql, binds } = walkOf(reader, to, filter, behind);
  const row = reader.get(`SELECT * FROM (${sql} LIMIT 1 OFFSET ?)`, ...binds, count - 1);
  return row ? [integer(row, "created_at"), text(row, "account_id"), text(row, "twin_id"), text(row, "color")] : null;
}

/** Stickers longest due among which those on the same twin are looked for. */
const DUE_WINDOW = 320;

/**
 * The sticker that has been due longest at an instant, and others of the same account on the same twin, ordered by
 * expiry. Stickers on one twin are adjacent in every index and share one journal row, so they cost a fraction of the
 * same number on scattered twins.
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

/** When the next sticker expires; null if there is none. */
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
