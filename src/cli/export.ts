import { existsSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { resolve } from "node:path";
import { loadConfig } from "../config.ts";
import { systemClock } from "../kernel/clock.ts";
import { OperatorError, toOperatorError } from "../kernel/operator-error.ts";
import { systemRandom } from "../kernel/random.ts";
import { Uuid } from "../kernel/schema.ts";
import { ACCOUNT_TABLES } from "../rooms.ts";
import { createVault, readMasterKey } from "../store/keys/vault.ts";
import { listPendingMigrations } from "../store/migrations/migrate.ts";
import { Connection } from "../store/sqlite/connection.ts";
import { filesIn } from "../store/sqlite/files.ts";
import { assertNotExisting, linkIntoPlace } from "../store/sqlite/new-file.ts";
import { retryWhileBusy } from "../store/sqlite/retry.ts";
import { type Export, exportAccount, listNotExported } from "../store/transfer/export-account.ts";
import { createExportSeal } from "../store/transfer/export-seal.ts";
import { readPassphrase } from "./passphrase.ts";
import { type Arguments, operandsOf, UsageError } from "./usage.ts";

/** Lines per write; between writes the event loop runs, without which the driver's memory grows. */
const LINES = 500;

/** `twinpost export --account UUID [FILE] [--passphrase-file FILE]` */
export async function exportTo(call: Arguments): Promise<void> {
  const [file] = operandsOf(call, "export", ["FILE"], true);
  const account = Uuid.safeParse(call.options.account);
  if (!account.success) throw new UsageError("export needs --account with the UUID of an account");
  const { dataDir } = loadConfig(call.flags);
  const passphrase = readPassphrase(call.options["passphrase-file"]);
  await withExport(dataDir, account.data, passphrase, async (lines, listLeftOut) => {
    if (file === undefined) await writeLines(lines, writeToOutput);
    else await writeFile(resolve(file), lines);
    for (const left of listLeftOut()) process.stderr.write(`left out: ${left}\n`);
  });
}

/** Passes the account's lines to `use`, and then what the export left out. */
export async function withExport(
  dataDir: string,
  accountId: string,
  passphrase: string | undefined,
  use: (lines: Iterable<string>, listLeftOut: () => string[]) => Promise<void> | void,
): Promise<void> {
  const { database, masterKey } = filesIn(dataDir);
  if (!existsSync(database)) throw new OperatorError(`there is no database in ${dataDir}`);
  const connection = await retryWhileBusy(systemClock, () => new Connection(database));
  try {
    if (listPendingMigrations(connection).length > 0) {
      throw new OperatorError("the database is of an older twinpost: start the server once, which migrates it");
    }
    const secrets = passphrase === undefined ? null : secretsOf(masterKey, passphrase, accountId);
    const exported: Export = { accountId, tables: ACCOUNT_TABLES, secrets };
    await use(exportAccount(connection, exported), () => listNotExported(connection, exported));
  } finally {
    connection.close();
  }
}

function secretsOf(file: string, passphrase: string, accountId: string) {
  const key = readMasterKey(file);
  if (!key) throw new OperatorError(`${file} is missing, and without it no secret can be exported`);
  return { vault: createVault(key, systemRandom), seal: createExportSeal(passphrase, accountId) };
}

async function writeLines(lines: Iterable<string>, write: (text: string) => Promise<unknown>): Promise<void> {
  let part: string[] = [];
  for (const line of lines) {
    part.push(line);
    if (part.length < LINES) continue;
    await write(part.join(""));
    part = [];
  }
  await write(part.join(""));
}

const writeToOutput = (text: string) =>
  new Promise<void>((done, fail) => process.stdout.write(text, (error) => (error ? fail(error) : done())));

/**
 * Writes the export to a file that only its owner can read, because it contains digests of credentials. The file gets
 * its name once it is complete.
 */
async function writeFile(file: string, lines: Iterable<string>): Promise<void> {
  assertNotExisting(file);
  const draft = `${file}.${systemRandom.uuid()}.partial`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(draft, "wx", 0o600);
    const { write, sync } = { write: handle.write.bind(handle), sync: handle.sync.bind(handle) };
    await writeLines(lines, (text) => write(text));
    await sync();
    linkIntoPlace(draft, file);
  } catch (error) {
    throw toOperatorError(`cannot write ${file}`, error);
  } finally {
    await handle?.close();
    rmSync(draft, { force: true });
  }
}
