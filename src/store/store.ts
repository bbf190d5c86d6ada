import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { type Actor, SYSTEM } from "../kernel/actor.ts";
import type { Cancel, Clock } from "../kernel/clock.ts";
import { describeError } from "../kernel/failure.ts";
import type { Owner } from "../kernel/fairness/fair-queue.ts";
import type { Log } from "../kernel/log.ts";
import { OperatorError, toOperatorError } from "../kernel/operator-error.ts";
import type { Random } from "../kernel/random.ts";
import type { ThreadPort } from "../kernel/thread-port.ts";
import { Metrics } from "../metrics/metrics.ts";
import { finishRestore, isRestorePending } from "./backup/pending-restore.ts";
import { findSealedKey, fits, KEY_CHECK, saveSealedKey } from "./keys/sealed-keys.ts";
import { createVault, loadOrCreateMasterKey, MasterKeyError, type Vault } from "./keys/vault.ts";
import { isMigrated, migrate } from "./migrations/migrate.ts";
import { reportUpgradeNotices } from "./migrations/upgrade-notices.ts";
import type { Command, ReadWrite } from "./sqlite/command.ts";
import { Connection, isSqliteError } from "./sqlite/connection.ts";
import { filesIn } from "./sqlite/files.ts";
import { type ServerLock, takeServerLock } from "./sqlite/lock.ts";
import { makePrivate } from "./sqlite/private-files.ts";
import { openWriterConnections, retry, retryWhileBusy } from "./sqlite/retry.ts";
import { Snapshots } from "./sqlite/snapshots.ts";
import { integer, type Reader, type Topic } from "./sqlite/sql.ts";
import { GroupCommit } from "./writer/group-commit.ts";
import { registerStoreGauges, writerMetrics } from "./writer/store-metrics.ts";
import type { Writable } from "./writer/writability.ts";
import { type Committer, Writer } from "./writer/writer.ts";
import { type Commands, openWriterThread } from "./writer/writer-thread.ts";

export type Store = ReadWrite & {
  readonly vault: Vault;
  /** Calls `listen` after each commit of this process that has work for the topic. */
  onWake(topic: Topic, listen: () => void): Cancel;
  /** Whether a write would be stored. Writes something itself if nothing has been written for a while. */
  writable(): Promise<Writable>;
  /** Refuses new writes, finishes those that wait, and closes the files. */
  close(): Promise<void>;
};

/** Another process serves this data directory or migrates its database; the message says which. */
export class StoreInUse extends Error {
  override name = "StoreInUse";
}

export type StoreOptions = {
  dataDir: string;
  clock: Clock;
  random: Random;
  log: Log;
  metrics?: Metrics;
  /**
   * If given, the server's commands run in this thread, which has the same list of commands and uses the system's
   * clock, not `clock`; otherwise they run in the caller's thread. The thread ends when the store is closed or fails to
   * open.
   */
  writerThread?: { port: ThreadPort & { end(): void }; commands: Commands };
};

/** The command line holds the server's lock while it migrates; a server that starts meanwhile waits this long. */
const LOCK_WAIT_MAX_MS = 2_000;
/** The command line waits this long for a server that is migrating the database. */
const MIGRATION_WAIT_MAX_MS = 30_000;

/**
 * Opens the store, migrated, for the one process that serves it. Throws `StoreInUse` if another process serves it
 * already.
 */
export async function openServerStore(options: StoreOptions): Promise<Store> {
  try {
    return await openLocked(options);
  } catch (error) {
    options.writerThread?.port.end();
    throw error;
  }
}

async function openLocked(options: StoreOptions): Promise<Store> {
  const lock = await lockDataDir(options);
  try {
    return await withOperatorErrors(options, async () => {
      await retryWhileBusy(options.clock, () => migrate(filesIn(options.dataDir).database, options.clock.now()));
      return openMigrated(options, lock);
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * Takes the lock of a data directory and finishes an interrupted restore there. Throws `StoreInUse` if another process
 * has the lock.
 */
export async function lockDataDir(
  options: Pick<StoreOptions, "dataDir" | "clock"> & { log?: Log },
): Promise<ServerLock> {
  const lock = await withOperatorErrors(options, () => {
    const files = prepareDataDir(options);
    for (const path of [options.dataDir, files.database, files.lock]) assertWritable(path);
    return retry(options.clock, LOCK_WAIT_MAX_MS, () => takeServerLock(files.lock));
  });
  if (!lock) throw new StoreInUse(`another twinpost serves ${options.dataDir}; stop it first`);
  try {
    finishRestore(options.dataDir);
    return lock;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Opens the store for a command-line tool, with or without a running server. Migrates only if no server is running. */
export const openToolStore = (options: StoreOptions): Promise<Store> =>
  withOperatorErrors(options, () => openForTool(options));

async function openForTool(options: StoreOptions): Promise<Store> {
  const { clock, dataDir } = options;
  const files = prepareDataDir(options);
  const ready = await retry(clock, MIGRATION_WAIT_MAX_MS, async () => {
    if (!isRestorePending(dataDir) && (await retryWhileBusy(clock, () => isMigrated(files.database)))) return true;
    const lock = takeServerLock(files.lock);
    if (!lock) return undefined;
    try {
      finishRestore(dataDir);
      await retryWhileBusy(clock, () => migrate(files.database, clock.now()));
      return true;
    } finally {
      lock.release();
    }
  });
  if (!ready) throw new StoreInUse(`the database in ${dataDir} is being migrated; try again later`);
  return openMigrated(options);
}

function prepareDataDir({ dataDir, log }: Pick<StoreOptions, "dataDir"> & { log?: Log }) {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  makePrivate(dataDir, log);
  return filesIn(dataDir);
}

/**
 * Throws if an existing file is not writable. SQLite would open such a file read-only, and the server would start and
 * then refuse every write.
 */
function assertWritable(path: string): void {
  if (existsSync(path)) accessSync(path, constants.W_OK);
}

/** Reports failures of the disk or a file in one sentence. */
async function withOperatorErrors<Result>(
  { dataDir }: Pick<StoreOptions, "dataDir">,
  open: () => Promise<Result>,
): Promise<Result> {
  const what = `cannot open the data directory ${dataDir}`;
  try {
    return await open();
  } catch (error) {
    if (isSqliteError(error)) throw new OperatorError(`${what}: ${error.message}`, { cause: error });
    throw toOperatorError(what, error);
  }
}

async function openMigrated(options: StoreOptions, lock?: ServerLock): Promise<Store> {
  const { clock, dataDir, log, metrics = new Metrics() } = options;
  const files = filesIn(dataDir);
  const reading = await retryWhileBusy(clock, () => new Connection(files.database, { readonly: true }));
  const snapshots = new Snapshots(reading, clock);
  const writer = new Writer(snapshots, { clock, log, metrics: writerMetrics(metrics) });
  const lastInstant = await retryWhileBusy(clock, () => newestInstant(snapshots));
  const committer = await openCommitter(options, files.database, writer, lastInstant);
  writer.begin(committer);
  registerStoreGauges(metrics, { dataDir, files, writer });
  const close = async () => {
    await writer.close();
    snapshots.close();
    // Only a server leaves everything in one file; a tool does not truncate the log of a running server.
    await committer.close(lock !== undefined);
    lock?.release();
  };
  try {
    const store = {
      read: <Answer>(ask: (reader: Reader) => Answer) => snapshots.read(ask),
      write: <Input, Result>(command: Command<Input, Result>, actor: Actor, input: Input, owner?: Owner | null) =>
        writer.write(command, actor, input, owner),
      onWake: (topic: Topic, listen: () => void) => writer.onWake(topic, listen),
      writable: () => writer.writability.ask(),
      close,
    };
    const vault = await openVault(store, files.masterKey, options.random);
    if (lock) await reportUpgradeNotices(store, log);
    return { ...store, vault };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Opens the committer of groups: in the writer's thread if there is one, else in this one. */
async function openCommitter(
  { clock, log, writerThread }: StoreOptions,
  database: string,
  writer: Writer,
  lastInstant: number,
): Promise<Committer> {
  if (writerThread) {
    const { port, commands } = writerThread;
    return openWriterThread(port, writer, { database, lastInstant, commands, log });
  }
  // Without a separate flush SQLite syncs the file itself, in the last round of a checkpoint; groups wait longer for that.
  const options = { clock, lastInstant, shared: true, flush: () => Promise.resolve() };
  const groups = new GroupCommit(await openWriterConnections(clock, database), writer, options);
  return {
    has: () => true,
    add: (requests) => groups.add(requests),
    close: async (emptyLog) => {
      const error = await groups.close(emptyLog);
      if (error !== undefined) log.warn("store.log_kept", { error: describeError(error) });
    },
  };
}

/** The instant of the newest journal row; 0 if there is none. */
function newestInstant(snapshots: Snapshots): number {
  const newest = snapshots.read((reader) =>
    reader.get("SELECT occurred_at FROM events ORDER BY sequence DESC LIMIT 1"),
  );
  snapshots.end();
  return newest ? integer(newest, "occurred_at") : 0;
}

async function openVault(store: Pick<Store, "read" | "write">, keyFile: string, random: Random): Promise<Vault> {
  const known = store.read((reader) => findSealedKey(reader, KEY_CHECK)) !== undefined;
  const vault = createVault(loadOrCreateMasterKey(keyFile, random, known), random);
  const sealed = vault.seal(KEY_CHECK, new Uint8Array(1));
  if (!known) await store.write(saveSealedKey, SYSTEM, { name: KEY_CHECK, sealed });
  if (store.read((reader) => fits(vault, reader))) return vault;
  throw new MasterKeyError(`${keyFile} is not the master key of this database; restore the right one`);
}
