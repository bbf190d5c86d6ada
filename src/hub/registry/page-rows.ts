import { integer, type Reader, type Row, type SqlValue } from "../../store/sqlite/sql.ts";

/** A page of a list, the first being 1, ordered by a column (specification 1.5). */
export type Page = { page: number; pageSize: number; orderBy: string; descending: boolean };

type Source = { columns: string; from: string; where: string };

/**
 * One page of the rows with these values, and their total count. Column names come from our own code; values are bound.
 * Ties are ordered by id, so that no page repeats or leaves out rows of another.
 */
export function pageOf(
  reader: Reader,
  { columns, from, where }: Source,
  filters: Readonly<Record<string, string | boolean | undefined>>,
  { page, pageSize, orderBy, descending }: Page,
): { rows: Row[]; totalCount: number } {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined);
  const conditions = [where, ...given.map(([column]) => `${column} = ?`)].join(" AND ");
  const binds = given.map(([, value]): SqlValue => (typeof value === "boolean" ? Number(value) : (value as string)));
  const count = reader.get(`SELECT count(*) AS count FROM ${from} WHERE ${conditions}`, ...binds);
  const order = orderBy + (descending ? " DESC" : "");
  const rows = reader.all(
    `SELECT ${columns} FROM ${from} WHERE ${conditions} ORDER BY ${order}, id LIMIT ? OFFSET ?`,
    ...binds,
    pageSize,
    (page - 1) * pageSize,
  );
  return { rows, totalCount: integer(count ?? {}, "count") };
}
