import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { filesIn, syncDirectory } from "../sqlite/files.ts";

// Several files cannot be exchanged at once, and whoever does it may be killed in between. So what is to come lies whole in a folder whose
// name says how far the exchange has come; whoever opens the data directory next finishes it. Each step can be done twice.
//
//   restore-draft-…   being written; nothing has happened yet, and whoever restores next throws it away
//   restoring-…       decided: what is there goes into replaced-…
//   placing-…         nothing is there any more: the new takes its place
//   replaced-…        the old, for as long as whoever owns the machine wants to keep it

const DRAFT = "restore-draft-";
const RESTORING = "restoring-";
const PLACING = "placing-";
const REPLACED = "replaced-";

/** The key first: a database whose key is missing does not open, while a key without a database would get a new one. */
const NEW_FILES = ["master.key", "twinpost.db"];
const OLD_FILES = ["twinpost.db-wal", "twinpost.db-shm", "twinpost.db", "master.key"];

const foldersOf = (dataDir: string, prefix: string) =>
  existsSync(dataDir) ? readdirSync(dataDir).filter((name) => name.startsWith(prefix)) : [];

/** Whether a restore was decided and not finished. */
export const isRestorePending = (dataDir: string): boolean =>
  foldersOf(dataDir, RESTORING).length + foldersOf(dataDir, PLACING).length > 0;

/** A new folder for what is to be restored. `stamp` names the folder in which the old will be kept. */
export function openDraft(dataDir: string, stamp: string) {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  for (const name of foldersOf(dataDir, DRAFT)) rmSync(join(dataDir, name), { recursive: true, force: true });
  const path = join(dataDir, `${DRAFT}${stamp}`);
  mkdirSync(path, { mode: 0o700 });
  return {
    files: filesIn(path),
    /** From here on there is no way back. */
    decide(): void {
      syncDirectory(path);
      renameSync(path, join(dataDir, `${RESTORING}${stamp}`));
      syncDirectory(dataDir);
    },
    discard: () => rmSync(path, { recursive: true, force: true }),
  };
}

/**
 * Finishes what was decided, and answers the folder in which the old is kept, if there was any. For whoever holds the lock of the data
 * directory.
 */
export function finishRestore(dataDir: string): string | undefined {
  let replaced: string | undefined;
  for (const name of foldersOf(dataDir, RESTORING)) {
    const stamp = name.slice(RESTORING.length);
    replaced = putAside(dataDir, `${REPLACED}${stamp}`);
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

function putAside(dataDir: string, folder: string): string | undefined {
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
