import Database from "libsql";
import { isBusy } from "./connection.ts";

/** Held by the one process that serves a data directory. */
export type ServerLock = { release(): void };

/**
 * Takes the lock of a data directory, or answers undefined if a living process has it. It is a lock of SQLite's own on a
 * file beside the database (never deleted: the lock, not the file, is what counts), so it dies with its process, and
 * other processes may still write short transactions to the database itself.
 */
export function takeServerLock(file: string): ServerLock | undefined {
  const database = new Database(file);
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return { release: () => database.close() };
}
