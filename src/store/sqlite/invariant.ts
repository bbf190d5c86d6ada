import type { Connection } from "./connection.ts";

/**
 * What has to be true of the rows of a room beyond what the schema itself enforces, as the question for those that break it. Each row of
 * the answer is one violation; `{column}` in the sentence stands for its columns.
 */
export type Invariant = { readonly broken: string; readonly sql: string };

/** Of one invariant so many are named; a thousand more would say nothing new. */
const NAMED_MAX = 20;

/** The violations of some invariants, each in a sentence. */
export function findViolations(connection: Connection, invariants: readonly Invariant[]): string[] {
  return invariants.flatMap(({ broken, sql }) => {
    const rows = connection.all(`SELECT * FROM (${sql}) LIMIT ${NAMED_MAX + 1}`);
    const named = rows
      .slice(0, NAMED_MAX)
      .map((row) => broken.replaceAll(/\{(\w+)\}/g, (_, column) => String(row[column])));
    return rows.length > NAMED_MAX ? [...named, `… and more of the kind: ${broken}`] : named;
  });
}
