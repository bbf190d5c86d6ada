import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { filesIn, syncDirectory } from "../sqlite/files.ts";

// Several files cannot be replaced at once, and the process may be killed in between. So the new files lie complete in a
// folder whose name says how far the replacement has come; the next process to open the data directory finishes it. Each
// step is idempotent.
//
//   restore-draft-…   being written; nothing is replaced yet, and the next restore deletes it
//   restoring-…       decided: the existing files move to replaced-…
//   placing-…         no old file is left: the new ones move into place
//   replaced-…        the old files, until the operator deletes them

const DRAFT = "restore-draft-";
const RESTORING = "restoring-";
const PLACING = "placing-";
const REPLACED = "replaced-";

/** The key first: a database without its key does not open, while a key without a database would be given a new one. */
const NEW_FILES = ["master.key", "twinpost.db"];
const OLD_FILES = ["twinpost.db-wal", "twinpost.db-shm", "twinpost.db", "master.key"];

const foldersOf = (dataDir: string, prefix: string) =>
  existsSync(dataDir) ? readdirSync(dataDir).filter((name) => name.startsWith(prefix)) : [];

/** Whether a restore was decided but not finished. */
export const isRestorePending = (dataDir: string): boolean =>
  foldersOf(dataDir, RESTORING).length + foldersOf(dataDir, PLACING).length > 0;

/** Makes a folder for the files to restore. `stamp` names the folder in which the replaced files are kept. */
export function createRestoreDraft(dataDir: string, stamp: string) {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  for (const name of foldersOf(dataDir, DRAFT)) rmSync(join(dataDir, name), { recursive: true, force: true });
  const path = join(dataDir, `${DRAFT}${stamp}`);
  mkdirSync(path, { mode: 0o700 });
  return {
    files: filesIn(path),
    /** From here on the restore will be finished, even after a crash. */
    decide(): void {
      syncDirectory(path);
      renameSync(path, join(dataDir, `${RESTORING}${stamp}`));
      syncDirectory(dataDir);
    },
    discard: () => rmSync(path, { recursive: true, force: true }),
  };
}

/**
 * Finishes a decided restore. Returns the folder with the replaced files, if there were any. The caller must hold the
 * lock of the data directory.
 */
export function finishRestore(dataDir: string): string | undefined {
  let replaced: string | undefined;
  for (const name of foldersOf(dataDir, RESTORING)) {
    const stamp = name.slice(RESTORING.length);
    replaced = moveOldFiles(dataDir, `${REPLACED}${stamp}`);
    renameSync(join(dataDir, name), join(dataDir, `${PLACING}${stamp}`));
    syncDirectory(dataDir);
  }
  for (const name of foldersOf(dataDir, PLACING)) {
    for (const file of NEW_FILES) moveIfThere(join(dataDir, name, file), join(dataDir, file));
    syncDirectory(dataDir);
    rmdirSync(join(dataDir, name));
  }
  return replaced;
}

function moveOldFiles(dataDir: string, folder: string): string | undefined {
  const path = join(dataDir, folder);
  for (const file of OLD_FILES) {
    if (!existsSync(join(dataDir, file))) continue;
    mkdirSync(path, { recursive: true, mode: 0o700 });
    renameSync(join(dataDir, file), join(path, file));
  }
  if (!existsSync(path)) return undefined;
  syncDirectory(path);
  return path;
}

function moveIfThere(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to);
}
