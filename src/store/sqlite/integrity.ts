import type { Connection } from "./connection.ts";
import { isSqliteError } from "./connection.ts";

/** What is named at most; a damaged page makes thousands. */
const PROBLEMS_MAX = 100;

/** Whether the file is sound and every foreign key leads somewhere: each problem in a sentence. */
export function findDamage(connection: Connection): string[] {
  try {
    return [...listCorruption(connection), ...listBrokenKeys(connection)];
  } catch (error) {
    // Past a certain point not even the question can be asked.
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
