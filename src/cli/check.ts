import { existsSync } from "node:fs";
import { loadConfig } from "../config.ts";
import { systemClock } from "../kernel/clock.ts";
import { OperatorError } from "../kernel/operator-error.ts";
import { systemRandom } from "../kernel/random.ts";
import { INVARIANTS } from "../rooms.ts";
import { fits } from "../store/keys/sealed-keys.ts";
import { createVault, readMasterKey } from "../store/keys/vault.ts";
import { listPendingMigrations } from "../store/migrations/migrate.ts";
import { inspectBackup } from "../store/restore.ts";
import { Connection, isSqliteError } from "../store/sqlite/connection.ts";
import { filesIn } from "../store/sqlite/files.ts";
import { findDamage } from "../store/sqlite/integrity.ts";
import { findViolations } from "../store/sqlite/invariant.ts";
import { retryWhileBusy } from "../store/sqlite/retry.ts";
import { type Arguments, operandsOf } from "./usage.ts";

/**
 * `twinpost check [FILE]`: checks the database of the data directory, with or without a running server, or a backup
 * without restoring it.
 */
export async function check(call: Arguments): Promise<void> {
  const [file] = operandsOf(call, "check", ["FILE"], true);
  const { dataDir } = loadConfig(call.flags);
  const problems =
    file === undefined
      ? await checkDataDir(dataDir)
      : await inspectBackup(file, (connection, { masterKey }) => [
          ...findProblems(connection),
          ...keyProblem(connection, masterKey === null ? undefined : new Uint8Array(Buffer.from(masterKey, "base64"))),
        ]);
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  const what = file ?? dataDir;
  if (problems.length > 0) throw new OperatorError(`${what}: ${problems.length} found`);
  process.stdout.write(`${what}: nothing found\n`);
}

async function checkDataDir(dataDir: string): Promise<string[]> {
  const { database, masterKey } = filesIn(dataDir);
  if (!existsSync(database)) throw new OperatorError(`there is no database in ${dataDir}`);
  try {
    return await lookAt(database, masterKey);
  } catch (error) {
    // A badly damaged database fails even the queries that check it.
    if (isSqliteError(error)) return [`the database is damaged: ${error.message}`];
    throw error;
  }
}

async function lookAt(database: string, masterKey: string): Promise<string[]> {
  const connection = await retryWhileBusy(systemClock, () => new Connection(database, { readonly: true }));
  try {
    const key = readMasterKey(masterKey);
    // One snapshot, because a server may write meanwhile.
    connection.run("BEGIN");
    const missing = key ? [] : [`${masterKey} is missing: the database does not open without it`];
    return [...findProblems(connection), ...missing, ...keyProblem(connection, key)];
  } finally {
    connection.close();
  }
}

function findProblems(connection: Connection): string[] {
  const damage = findDamage(connection);
  // If the file cannot be read correctly, the other checks would report nonsense.
  if (damage.some((problem) => problem.startsWith("the database"))) return damage;
  const pending = listPendingMigrations(connection).length;
  if (pending > 0) {
    throw new OperatorError(
      `the database is of an older twinpost, ${pending} migrations behind: the server makes them when it starts`,
    );
  }
  return [...damage, ...findViolations(connection, INVARIANTS)];
}

function keyProblem(connection: Connection, key: Uint8Array | undefined): string[] {
  if (!key || fits(createVault(key, systemRandom), connection)) return [];
  return ["master.key is not the master key that the database was written with"];
}
