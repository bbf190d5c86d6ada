import { integer, type Reader, type Row, type SqlValue } from "../../store/sqlite/sql.ts";

/** A page of a list, the first being 1, in the order of a column (specification 1.5). */
export type Page = { page: number; pageSize: number; orderBy: string; descending: boolean };

type Source = { columns: string; from: string; where: string };

/**
 * One page of what has these values, and how many there are in all. Names of columns are the caller's code's own; values are bound.
 * Equal ones stand in the order of their ids, so that no page repeats or leaves out what another has.
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
