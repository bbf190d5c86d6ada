import { closeSync, fsyncSync, openSync } from "node:fs";
import { join } from "node:path";

/** What a data directory holds. */
export const filesIn = (dataDir: string) => ({
  database: join(dataDir, "twinpost.db"),
  lock: join(dataDir, "server.lock"),
  masterKey: join(dataDir, "master.key"),
});

/** A name that was made, changed or removed in a folder is on disk only once the folder is. */
export function syncDirectory(path: string): void {
  const handle = openSync(path, "r");
  fsyncSync(handle);
  closeSync(handle);
}

export const hasCode = (error: unknown, code: string) =>
  error instanceof Error && "code" in error && error.code === code;
