import { chmodSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../kernel/failure.ts";
import type { Log } from "../../kernel/log.ts";
import { hasCode } from "./files.ts";

/** What of a data directory is ours: the database with its log, keys, locks, and folders of a restore. */
const OURS =
  /^(twinpost\.db|server\.lock)(-wal|-shm|-journal)?$|^master\.key|^(replaced|restore-draft|restoring|placing)-/;
const OTHERS = 0o077;
/** Of a folder that all may write to, such as /tmp. */
const STICKY = 0o1000;

/**
 * Takes the rights of others away from a data directory and what is ours in it: it may have been there before, made by other programs or by
 * an older one of ours. Where that is refused (a volume of another user) the log says so, once.
 */
export function makePrivate(dataDir: string, log: Log | undefined): void {
  // Windows knows no such modes.
  if (process.platform === "win32") return;
  const ours = readdirSync(dataDir).filter((name) => OURS.test(name));
  const faults = [dataDir, ...ours.map((name) => join(dataDir, name))].flatMap((path) => {
    try {
      const { mode } = statSync(path);
      if ((mode & OTHERS) === 0) return [];
      if (mode & STICKY) throw new Error("the folder is shared by everybody on this machine");
      chmodSync(path, mode & ~OTHERS & 0o777);
      return [];
    } catch (error) {
      // The database's log goes when the last one who had it open has gone.
      return hasCode(error, "ENOENT") ? [] : [{ path, error: describeError(error) }];
    }
  });
  if (faults[0]) log?.warn("store.not_private", { ...faults[0], paths: faults.length });
}
