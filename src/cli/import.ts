import { createReadStream } from "node:fs";
import { loadConfig } from "../config.ts";
import { insertImported } from "../journal/account-rows.ts";
import { systemClock } from "../kernel/clock.ts";
import { createLog } from "../kernel/log.ts";
import { OperatorError, toOperatorError } from "../kernel/operator-error.ts";
import { systemRandom } from "../kernel/random.ts";
import { ACCOUNT_TABLES, INVARIANTS } from "../rooms.ts";
import { Connection } from "../store/sqlite/connection.ts";
import { filesIn } from "../store/sqlite/files.ts";
import { findDamage } from "../store/sqlite/integrity.ts";
import { findViolations } from "../store/sqlite/invariant.ts";
import { openServerStore, type StoreOptions } from "../store/store.ts";
import { importAccount } from "../store/transfer/import-account.ts";
import { readPassphrase } from "./passphrase.ts";
import { type Arguments, operandsOf } from "./usage.ts";

/** Several times the largest document with its journal row. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;

/** `twinpost import [FILE] [--passphrase-file FILE]` */
export async function importFrom(call: Arguments): Promise<void> {
  const [file] = operandsOf(call, "import", ["FILE"], true);
  const config = loadConfig(call.flags);
  const passphrase = readPassphrase(call.options["passphrase-file"]);
  const log = createLog(config.logLevel, systemClock.now, (line) => process.stderr.write(line));
  const options = { dataDir: config.dataDir, clock: systemClock, random: systemRandom, log };
  const { accountId, rows } = await importInto(options, linesOf(file), passphrase);
  process.stdout.write(`Imported account ${accountId}: ${rows} rows.\n`);
}

/**
 * Imports everything in one transaction, or nothing. Holds the data directory's lock, so that no server writes
 * meanwhile.
 */
export async function importInto(options: StoreOptions, lines: AsyncIterable<string>, passphrase: string | undefined) {
  const store = await openServerStore(options);
  const connection = new Connection(filesIn(options.dataDir).database);
  try {
    connection.run("BEGIN IMMEDIATE");
    const imported = await importAccount(connection, lines, {
      tables: ACCOUNT_TABLES,
      vault: store.vault,
      passphrase,
      finish: (account, highest) => {
        insertImported(connection, account, highest.get("journal") ?? 0, options.clock.now());
        return [...findDamage(connection), ...findViolations(connection, INVARIANTS)];
      },
    });
    connection.run("COMMIT");
    return imported;
  } finally {
    if (connection.inTransaction) connection.run("ROLLBACK");
    connection.close();
    await store.close();
  }
}

/** Splits at line feeds only: other line separators may occur inside JSON strings. */
async function* linesOf(file: string | undefined): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const decode = (parts: Uint8Array[]) => {
    try {
      return decoder.decode(Buffer.concat(parts));
    } catch {
      throw new OperatorError("is not UTF-8");
    }
  };
  let parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of bytesOf(file)) {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield decode([...parts, rest.subarray(0, end)]);
      parts = [];
      byteCount = 0;
      rest = rest.subarray(end + 1);
    }
    byteCount += rest.length;
    if (byteCount > LINE_BYTES_MAX) throw new OperatorError("is longer than any line of an account");
    if (rest.length > 0) parts.push(rest);
  }
  if (parts.length > 0) yield decode(parts);
}

async function* bytesOf(file: string | undefined): AsyncGenerator<Uint8Array> {
  try {
    yield* file === undefined ? process.stdin : createReadStream(file);
  } catch (error) {
    throw toOperatorError(`cannot read ${file ?? "standard input"}`, error);
  }
}
