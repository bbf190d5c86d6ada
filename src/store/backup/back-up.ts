import { existsSync, mkdirSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join, resolve } from "node:path";
import Database from "libsql/promise";
import { type Clock, sleep, systemClock } from "../../kernel/clock.ts";
import { PlainError, toldPlainly } from "../../kernel/plain-error.ts";
import type { Random } from "../../kernel/random.ts";
import { VERSION } from "../../kernel/version.ts";
import { fits } from "../keys/sealed-keys.ts";
import { createVault, readMasterKey } from "../keys/vault.ts";
import { Connection, isSqliteError } from "../sqlite/connection.ts";
import { filesIn } from "../sqlite/files.ts";
import { assertNew, placeNew } from "../sqlite/new-file.ts";
import { whenFree } from "../sqlite/retry.ts";
import { integer } from "../sqlite/sql.ts";
import { digestFile, writeLabel } from "./backup-file.ts";

type BackupOptions = {
  dataDir: string;
  /** Where the backup goes. Nothing may be there. */
  file: string;
  withKey: boolean;
  clock: Clock;
  random: Random;
  /** Gives up: whatever was written goes. The thread that copies ends with its process, so this is for one that is about to end. */
  signal?: AbortSignal;
};

/** The ending of the folder in which a backup is being written: gone as a whole, whatever the thread that copies still does. */
export const PARTIAL = ".partial";
/**
 * What was copied goes to disk all the time, so long after one part the next one. The file system has every `fsync` beside wait for it, the
 * server's too: at 5 000 writes a second and 120 MB the slowest write took 220 ms where it went at the end, 100 with pauses of 50 ms,
 * and 20 to 50 with these, while without a backup it takes 9.
 */
const SYNC_MS = 1;
/** The server checkpoints each so many pages. */
const CHECKPOINT_PAGES = 1_000;

/**
 * Writes a backup of a data directory to a file, beside a server that writes or without one: everything that was committed before
 * it began, as one snapshot. It copies on a thread of the driver, in a read transaction of its own: the server's writer never waits for
 * it. The file has its name only once it is whole and on disk; what a crash leaves ends in `.partial`.
 */
export async function backUp(options: BackupOptions): Promise<{ byteCount: number }> {
  const { dataDir, withKey, clock, random } = options;
  const files = filesIn(dataDir);
  const file = resolve(options.file);
  if (!existsSync(files.database)) throw new PlainError(`there is no database in ${dataDir}`);
  assertNew(file);
  const masterKey = withKey ? neededKey(files.masterKey) : null;
  const beganAt = clock.now();
  const folder = `${file}.${random.uuid()}${PARTIAL}`;
  const draft = join(folder, "database");
  try {
    mkdirSync(folder, { mode: 0o700 });
    const handle = await open(draft, "wx+", 0o600);
    try {
      await copyDatabase(files.database, draft, handle, options);
      const byteCount = await label(draft, handle, { masterKey, beganAt, random });
      await handle.sync();
      placeNew(draft, file);
      return { byteCount };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isSqliteError(error)) throw new PlainError(`cannot copy the database: ${error.message}`, { cause: error });
    throw toldPlainly(`cannot write ${file}`, error);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/**
 * `VACUUM INTO` reads a snapshot, as any reader does. Meanwhile checkpoints cannot go past it, and the log grows by what is written. The
 * first commit behind the copy would have to move all that into the database, and its callers to wait for it: with 20 000 pages half a
 * second. So we do that, who hold up nobody: what pins the snapshot is let go and the checkpoint begun in one breath, and while it
 * lasts others leave checkpoints alone.
 */
async function copyDatabase(from: string, to: string, handle: FileHandle, { clock, signal }: BackupOptions) {
  const pin = await whenFree(clock, () => new Connection(from, { readonly: true }));
  const database = new Database(from, {});
  let copying = true;
  const syncing = syncWhile(handle, () => copying);
  // What it throws is thrown where it is awaited.
  syncing.catch(() => {});
  try {
    pin.run("BEGIN");
    pin.get("SELECT 1 FROM schema_migrations");
    const copied = whenFree(clock, () => database.exec(`VACUUM INTO '${to.replaceAll("'", "''")}'`));
    await Promise.race([copied, ...(signal ? [aborted(signal)] : [])]);
    pin.run("COMMIT");
    emptyLog(pin);
  } finally {
    copying = false;
    await syncing;
    pin.close();
    // The driver interrupts and closes a connection only when it has finished its work, and blocks the process until then.
    if (!signal?.aborted) database.close();
  }
}

/** What is left over then is what came meanwhile: no more than the server moves at a time anyway, or as little as can be had. */
function emptyLog(connection: Connection): void {
  let left = Number.POSITIVE_INFINITY;
  for (;;) {
    const state = connection.pragma("wal_checkpoint(PASSIVE)") ?? {};
    const now = Number(state["log"]) - Number(state["checkpointed"]);
    if (!(now > CHECKPOINT_PAGES && now < left / 2)) return;
    left = now;
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await new Promise((done) => signal.addEventListener("abort", done, { once: true }));
  throw new PlainError("the backup was given up, and nothing is left of it");
}

async function syncWhile(handle: FileHandle, goesOn: () => boolean): Promise<void> {
  while (goesOn()) {
    await sleep(systemClock, SYNC_MS);
    await handle.datasync();
  }
}

/** Labels the copy, unless its key is not the one it was written with: such a backup would be worth nothing. Answers how large it is. */
async function label(
  draft: string,
  handle: FileHandle,
  { masterKey, beganAt, random }: { masterKey: Uint8Array | null; beganAt: number; random: Random },
) {
  const copy = new Connection(draft, { immutable: true });
  let schema: number;
  try {
    schema = integer(copy.get("SELECT max(number) AS number FROM schema_migrations") ?? {}, "number");
    if (masterKey && !fits(createVault(masterKey, random), copy)) {
      throw new PlainError("master.key is not the master key of this database: a backup of the two could not be used");
    }
  } finally {
    copy.close();
  }
  const databaseBytes = (await handle.stat()).size;
  const databaseSha256 = await digestFile(handle, databaseBytes);
  await writeLabel(handle, {
    program: VERSION,
    schema,
    createdAt: beganAt,
    databaseBytes,
    databaseSha256,
    masterKey: masterKey && Buffer.from(masterKey).toString("base64"),
  });
  return (await handle.stat()).size;
}

function neededKey(file: string): Uint8Array {
  const key = readMasterKey(file);
  if (key) return key;
  throw new PlainError(`${file} is missing, and without it a backup cannot be used; --without-key leaves it out`);
}
