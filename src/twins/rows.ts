import type { JsonText } from "../kernel/json-text.ts";
import {
  integer,
  integerOrNull,
  jsonTextOrNull,
  type Reader,
  type Row,
  type Tx,
  text,
  textOrNull,
} from "../store/sqlite/sql.ts";

export type Twin = {
  id: string;
  ownerId: string;
  creatorId: string;
  description: JsonText | null;
  createdAt: number;
  updatedAt: number;
  /** Final: a terminated twin never changes again. */
  termination: { issuerId: string; at: number } | null;
};

const TWIN = "id, owner_id, creator_id, description, created_at, updated_at, terminated_by, terminated_at";
const FIND_TWIN = `SELECT ${TWIN} FROM twins WHERE id = ?`;
const LIST_TWINS = `SELECT position, ${TWIN} FROM twins WHERE owner_id = ? AND position > ? ORDER BY position LIMIT ?`;

/** A twin of any account: knowing its id is enough. */
export function findTwin(reader: Reader, id: string): Twin | undefined {
  const row = reader.get(FIND_TWIN, id);
  return row && twinFrom(row);
}

export function insertTwin(tx: Tx, twin: Twin): void {
  tx.run(
    "INSERT INTO twins (id, owner_id, creator_id, description, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
    twin.id,
    twin.ownerId,
    twin.creatorId,
    twin.description,
    twin.createdAt,
    twin.updatedAt,
  );
}

/** Writes only the updated columns: naming the others would cost a foreign key check. */
export function saveDescription(tx: Tx, twin: Twin): void {
  tx.run("UPDATE twins SET description = ?, updated_at = ? WHERE id = ?", twin.description, twin.updatedAt, twin.id);
}

export function saveTermination(tx: Tx, twin: Twin & { termination: NonNullable<Twin["termination"]> }): void {
  tx.run(
    "UPDATE twins SET terminated_by = ?, terminated_at = ?, updated_at = ? WHERE id = ?",
    twin.termination.issuerId,
    twin.termination.at,
    twin.updatedAt,
    twin.id,
  );
}

/** Position of an account's twin in the order of creation; undefined if it is not the account's. */
export function findTwinPosition(reader: Reader, ownerId: string, id: string): number | undefined {
  const row = reader.get("SELECT position FROM twins WHERE id = ? AND owner_id = ?", id, ownerId);
  return row && integer(row, "position");
}

/**
 * Ids of an account's twins after a position, in the order of creation, as JSON. One text takes a third of the time of
 * a hundred rows, because the driver's cost is per row. SQLite runs the limited subquery unchanged, so its order holds.
 */
export function listTwinIds(reader: Reader, ownerId: string, after: number, limit: number): JsonText {
  const row = reader.get(
    `SELECT json_group_array(id) AS ids
     FROM (SELECT id FROM twins WHERE owner_id = ? AND position > ? ORDER BY position LIMIT ?)`,
    ownerId,
    after,
    limit,
  );
  return text(row as Row, "ids") as JsonText;
}

/** Returns the description sizes in bytes of an account's twins after a position, in the order of creation. */
export function listDescriptionSizes(reader: Reader, ownerId: string, after: number, limit: number): number[] {
  const row = reader.get(
    `SELECT json_group_array(size) AS sizes
     FROM (SELECT coalesce(octet_length(description), 0) AS size FROM twins
           WHERE owner_id = ? AND position > ? ORDER BY position LIMIT ?)`,
    ownerId,
    after,
    limit,
  );
  return JSON.parse(text(row as Row, "sizes"));
}

/** Lists an account's twins after a position, in the order of creation, with their positions. */
export const listTwins = (reader: Reader, ownerId: string, after: number, limit: number) =>
  reader
    .all(LIST_TWINS, ownerId, after, limit)
    .map((row) => ({ ...twinFrom(row), position: integer(row, "position") }));

function twinFrom(row: Row): Twin {
  const issuerId = textOrNull(row, "terminated_by");
  const at = integerOrNull(row, "terminated_at");
  return {
    id: text(row, "id"),
    ownerId: text(row, "owner_id"),
    creatorId: text(row, "creator_id"),
    description: jsonTextOrNull(row, "description"),
    createdAt: integer(row, "created_at"),
    updatedAt: integer(row, "updated_at"),
    termination: issuerId !== null && at !== null ? { issuerId, at } : null,
  };
}
