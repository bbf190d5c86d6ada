import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { MIGRATIONS } from "../../../src/store/migrations/index.ts";
import { migrate } from "../../../src/store/migrations/migrate.ts";
import { Connection } from "../../../src/store/sqlite/connection.ts";
import { text } from "../../../src/store/sqlite/sql.ts";
import { memoryFolder } from "./memory-folder.ts";

/** The last migration of the first release. */
const FIRST_RELEASE = 13;

/** A data directory with the content of another, at an older schema: later columns and tables are left out. */
export async function olderDatabase(dataDir: string, level: number = FIRST_RELEASE) {
  const folder = memoryFolder();
  const file = join(folder.path, "twinpost.db");
  await migrate(file, 0, MIGRATIONS.slice(0, level));
  copyFileSync(join(dataDir, "master.key"), join(folder.path, "master.key"));
  const connection = new Connection(file);
  try {
    connection.pragma("foreign_keys = OFF");
    connection.run("ATTACH ? AS newer", join(dataDir, "twinpost.db"));
    connection.run("BEGIN IMMEDIATE");
    const tables = connection.all(
      "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'schema_migrations'",
    );
    const triggers = connection.all("SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger'");
    for (const trigger of triggers) connection.run(`DROP TRIGGER ${text(trigger, "name")}`);
    for (const table of tables) copy(connection, text(table, "name"));
    for (const trigger of triggers) connection.run(text(trigger, "sql"));
    connection.run("COMMIT");
    connection.run("DETACH newer");
  } finally {
    connection.close();
  }
  return folder;
}

function copy(connection: Connection, table: string): void {
  const columns = (schema: string) =>
    connection.all(`SELECT name FROM pragma_table_info('${table}', '${schema}')`).map((row) => text(row, "name"));
  const newer = columns("newer");
  const common = columns("main")
    .filter((column) => newer.includes(column))
    .join(", ");
  connection.run(`DELETE FROM main.${table}`);
  connection.run(`INSERT INTO main.${table} (${common}) SELECT ${common} FROM newer.${table}`);
}
