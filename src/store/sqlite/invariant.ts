import type { Connection } from "./connection.ts";

/**
 * A condition on a room's rows that the schema does not enforce. `sql` returns the rows that violate it; `broken` is
 * the message for one such row, in which `{column}` is replaced by that column's value.
 */
export type Invariant = { readonly broken: string; readonly sql: string };

/** Maximum number of violations of one invariant that are listed. */
const NAMED_MAX = 20;

/** The violations of the given invariants, one sentence each. */
export function findViolations(connection: Connection, invariants: readonly Invariant[]): string[] {
  return invariants.flatMap(({ broken, sql }) => {
    const rows = connection.all(`SELECT * FROM (${sql}) LIMIT ${NAMED_MAX + 1}`);
    const named = rows
      .slice(0, NAMED_MAX)
      .map((row) => broken.replaceAll(/\{(\w+)\}/g, (_, column) => String(row[column])));
    return rows.length > NAMED_MAX ? [...named, `… and more of the kind: ${broken}`] : named;
  });
}
