import { existsSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Clock } from "../kernel/clock.ts";
import { OperatorError, toOperatorError } from "../kernel/operator-error.ts";
import type { Random } from "../kernel/random.ts";
import { type BackupLabel, changed, digestFile, openBackup } from "./backup/backup-file.ts";
import { createRestoreDraft, finishRestore } from "./backup/pending-restore.ts";
import { fits } from "./keys/sealed-keys.ts";
import { createVault, readMasterKey } from "./keys/vault.ts";
import { listPendingMigrations } from "./migrations/migrate.ts";
import { Connection } from "./sqlite/connection.ts";
import { filesIn } from "./sqlite/files.ts";
import { findDamage } from "./sqlite/integrity.ts";
import { lockDataDir } from "./store.ts";

type RestoreOptions = {
  dataDir: string;
  file: string;
  /** A file with the master key, for a backup made without it. */
  keyFile?: string | undefined;
  /** Replaces an existing database. */
  force: boolean;
  clock: Clock;
  random: Random;
};

type Restored = { label: BackupLabel; replaced: string | undefined };

/**
 * Restores a backup into a data directory. Refuses while a server runs there; a backup that is incomplete, damaged or
 * of an unknown schema; one whose master key is missing; and to replace a database without `force`. Changes nothing
 * until all checks have passed, and keeps what it replaces in a folder next to it.
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { dataDir, file, force, clock, random } = options;
  return await openBackup(file, async (label, backup) => {
    const lock = await lockDataDir(options);
    try {
      const present = filesIn(dataDir);
      if (!force && existsSync(present.database)) {
        throw new OperatorError(
          `${dataDir} holds a database already; --force replaces it, and keeps it in a folder beside`,
        );
      }
      const draft = createRestoreDraft(dataDir, stampOf(clock.now(), random));
      try {
        await copyOut(backup, label, draft.files.database, file);
        const key = await keyFor(label, options);
        assertUsable(draft.files.database, key, options);
        await writeWhole(draft.files.masterKey, async (handle) => {
          await handle.write(key);
        });
        assertKeyStays(present.masterKey, key, options);
        draft.decide();
      } finally {
        draft.discard();
      }
      return { label, replaced: finishRestore(dataDir) };
    } catch (error) {
      throw toOperatorError(`cannot restore into ${dataDir}`, error);
    } finally {
      lock.release();
    }
  });
}

/** Opens the database of a backup in place, for `look`. Refuses a backup that is incomplete or has been changed. */
export async function inspectBackup<Result>(
  file: string,
  look: (connection: Connection, label: BackupLabel) => Result,
): Promise<Result> {
  return await openBackup(file, async (label, backup) => {
    if ((await digestFile(backup, label.databaseBytes)) !== label.databaseSha256) throw changed(file);
    const connection = new Connection(file, { immutable: true });
    try {
      return look(connection, label);
    } finally {
      connection.close();
    }
  });
}

async function copyOut(backup: FileHandle, label: BackupLabel, to: string, file: string): Promise<void> {
  await writeWhole(to, async (handle) => {
    const digest = await digestFile(backup, label.databaseBytes, (piece) => handle.write(piece));
    if (digest !== label.databaseSha256) throw changed(file);
  });
}

async function writeWhole(file: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await write(handle);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The master key of the backup: the one it contains, else the file named by the caller, else the one in the data
 * directory.
 */
async function keyFor(label: BackupLabel, { file, keyFile, dataDir }: RestoreOptions): Promise<Uint8Array> {
  if (label.masterKey !== null) return new Uint8Array(Buffer.from(label.masterKey, "base64"));
  const place = keyFile ?? filesIn(dataDir).masterKey;
  const key = readMasterKey(place);
  if (key) return key;
  throw new OperatorError(
    `${file} was made without its master key, and there is none at ${place}; name it with --key FILE`,
  );
}

function assertUsable(database: string, key: Uint8Array, { file, random }: RestoreOptions): void {
  const connection = new Connection(database, { immutable: true });
  try {
    const [problem] = findDamage(connection);
    if (problem) throw new OperatorError(`${file} cannot be restored: ${problem}`);
    // Throws if the schema is newer than this program's, or unknown to it.
    listPendingMigrations(connection);
    if (!fits(createVault(key, random), connection)) {
      throw new OperatorError(
        `${file} cannot be restored: that is not the master key that its database was written with`,
      );
    }
  } finally {
    connection.close();
  }
}

/**
 * Refuses to replace a different master key without `force`: even without a database, it may be needed for another
 * backup.
 */
function assertKeyStays(file: string, key: Uint8Array, { force }: RestoreOptions): void {
  const present = readMasterKey(file);
  if (force || !present || Buffer.from(present).equals(key)) return;
  throw new OperatorError(`${file} is another master key; --force replaces it, and keeps it in a folder beside`);
}

/** A folder's name: the time of its creation, and a random part for two in the same second. */
const stampOf = (now: number, random: Random) =>
  `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}-${random.uuid().slice(0, 8)}`;
