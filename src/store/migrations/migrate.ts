import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type Client, createClient } from "@libsql/client/sqlite3";
import type { Connection } from "../sqlite/connection.ts";
import { MIGRATIONS, type Migration } from "./index.ts";

/** The database cannot be used by this program; the message gives the operator the reason. */
export class MigrationError extends Error {
  override name = "MigrationError";
}

/** A row of the table of migrations, read by either driver. */
type Applied = Readonly<Record<string, unknown>>;

const checksumOf = (migration: Migration) => createHash("sha256").update(migration.sql).digest("hex");

/**
 * Migrates the database to this program's schema, one transaction per migration. Returns how many were applied. Refuses
 * a database that a newer program has migrated, and one whose applied migrations differ from those of this program.
 */
export async function migrate(
  file: string,
  now: number,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<number> {
  const client = createClient({ url: pathToFileURL(file).href, concurrency: 1 });
  try {
    await client.execute("PRAGMA journal_mode = WAL");
    await client.execute(
      `CREATE TABLE IF NOT EXISTS schema_migrations (
        number     INTEGER PRIMARY KEY,
        name       TEXT    NOT NULL,
        checksum   TEXT    NOT NULL,
        applied_at INTEGER NOT NULL
      ) STRICT`,
    );
    const pending = await listPending(client, migrations);
    for (const migration of pending) await apply(client, migration, now);
    return pending.length;
  } finally {
    client.close();
  }
}

/** Whether the database has this program's schema. Refuses the same databases as `migrate`. */
export async function isMigrated(file: string, migrations: readonly Migration[] = MIGRATIONS): Promise<boolean> {
  if (!existsSync(file)) return false;
  const client = createClient({ url: pathToFileURL(file).href });
  try {
    const { rows } = await client.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'");
    return rows.length > 0 && (await listPending(client, migrations)).length === 0;
  } finally {
    client.close();
  }
}

/** Migrations that a database lacks. Refuses the same databases as `migrate`, and changes nothing. */
export const listPendingMigrations = (connection: Connection, migrations: readonly Migration[] = MIGRATIONS) =>
  pendingAfter(connection.all(APPLIED), migrations);

const APPLIED = "SELECT number, name, checksum FROM schema_migrations ORDER BY number";

const listPending = async (client: Client, migrations: readonly Migration[]) =>
  pendingAfter((await client.execute(APPLIED)).rows, migrations);

function pendingAfter(applied: readonly Applied[], migrations: readonly Migration[]): readonly Migration[] {
  for (const [index, row] of applied.entries()) assertKnown(migrations[index], row);
  return migrations.slice(applied.length);
}

/**
 * Rebuilding a table drops it, which would delete rows that refer to it. So foreign keys are off meanwhile and checked
 * once, at the end.
 */
async function apply(client: Client, migration: Migration, now: number): Promise<void> {
  const { rebuildsTables = false } = migration;
  if (rebuildsTables) await client.execute("PRAGMA foreign_keys = OFF");
  const tx = await client.transaction("write");
  try {
    await tx.executeMultiple(migration.sql);
    if (rebuildsTables) {
      const { rows } = await tx.execute("PRAGMA foreign_key_check");
      if (rows.length > 0) throw new MigrationError(`rows of ${rows[0]?.["table"]} refer to rows that do not exist`);
    }
    await tx.execute({
      sql: "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
      args: [migration.number, migration.name, checksumOf(migration), now],
    });
    await tx.commit();
  } finally {
    tx.close();
  }
  if (rebuildsTables) await client.execute("PRAGMA foreign_keys = ON");
}

function assertKnown(migration: Migration | undefined, row: Applied): void {
  const applied = `migration ${row["number"]} (${row["name"]})`;
  if (!migration) {
    throw new MigrationError(`the database is newer than this program: it has ${applied}; start a newer twinpost`);
  }
  if (migration.number !== row["number"] || checksumOf(migration) !== row["checksum"]) {
    throw new MigrationError(`the database was written by another twinpost: its ${applied} is not the one known here`);
  }
}
