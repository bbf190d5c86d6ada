import { closeSync, fsyncSync, openSync } from "node:fs";
import { join } from "node:path";

/** The files of a data directory. */
export const filesIn = (dataDir: string) => ({
  database: join(dataDir, "twinpost.db"),
  lock: join(dataDir, "server.lock"),
  masterKey: join(dataDir, "master.key"),
});

/** Makes creating, changing or removing a name in a folder durable: the folder itself must be synced. */
export function syncDirectory(path: string): void {
  const handle = openSync(path, "r");
  fsyncSync(handle);
  closeSync(handle);
}

export const hasErrorCode = (error: unknown, code: string) =>
  error instanceof Error && "code" in error && error.code === code;
