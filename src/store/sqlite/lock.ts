import Database from "libsql";
import { isBusy } from "./connection.ts";

/** Held by the one process that serves a data directory. */
export type ServerLock = { release(): void };

/**
 * Takes the lock of a data directory. Returns undefined if a running process holds it. It is an SQLite lock on a file
 * next to the database, so it ends with its process, and other processes may still write short transactions to the
 * database itself. The file is never deleted: the lock counts, not the file.
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
