import { chmodSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../kernel/failure.ts";
import type { Log } from "../../kernel/log.ts";
import { hasErrorCode } from "./files.ts";

/** Our files in a data directory: the database with its log, keys, locks, and folders of a restore. */
const OURS =
  /^(twinpost\.db|server\.lock)(-wal|-shm|-journal)?$|^master\.key|^(replaced|restore-draft|restoring|placing)-/;
/** Permission bits of the group and of all other users. */
const OTHERS = 0o077;
/** Set on folders that all users may write to, such as /tmp. */
const STICKY = 0o1000;

/**
 * Removes other users' permissions from a data directory and our files in it, which other programs or an older version
 * may have created. If that is refused (a volume of another user), the log says so, once.
 */
export function makePrivate(dataDir: string, log: Log | undefined): void {
  // Windows has no such modes.
  if (process.platform === "win32") return;
  const ours = readdirSync(dataDir).filter((name) => OURS.test(name));
  const faults = [dataDir, ...ours.map((name) => join(dataDir, name))].flatMap((path) => {
    try {
      const { mode } = statSync(path);
      if ((mode & OTHERS) === 0) return [];
      if (mode & STICKY) throw new Error("the folder is shared by all users of this machine");
      chmodSync(path, mode & ~OTHERS & 0o777);
      return [];
    } catch (error) {
      // SQLite deletes the database's log when the last connection closes.
      return hasErrorCode(error, "ENOENT") ? [] : [{ path, error: describeError(error) }];
    }
  });
  if (faults[0]) log?.warn("store.not_private", { ...faults[0], paths: faults.length });
}
