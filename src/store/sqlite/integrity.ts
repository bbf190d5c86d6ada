import type { Connection } from "./connection.ts";
import { isSqliteError } from "./connection.ts";

/** Maximum number of problems that are listed; a damaged page causes thousands. */
const PROBLEMS_MAX = 100;

/** Checks the file and every foreign key. Returns one sentence per problem. */
export function findDamage(connection: Connection): string[] {
  try {
    return [...listCorruption(connection), ...listBrokenKeys(connection)];
  } catch (error) {
    // With enough damage even the check itself fails.
    if (isSqliteError(error)) return [`the database cannot be read: ${error.message}`];
    throw error;
  }
}

const listCorruption = (connection: Connection) =>
  connection
    .all(`SELECT integrity_check AS problem FROM pragma_integrity_check(${PROBLEMS_MAX})`)
    .map((row) => String(row["problem"]))
    .filter((problem) => problem !== "ok")
    .map((problem) => `the database is damaged: ${problem.replaceAll("\n", " ")}`);

const listBrokenKeys = (connection: Connection) =>
  connection
    .all(
      `SELECT "table" AS child, parent, count(*) AS rows FROM pragma_foreign_key_check
       GROUP BY child, parent ORDER BY child, parent`,
    )
    .map((row) => `${row["child"]}: rows that name no row of ${row["parent"]}: ${row["rows"]}`);
