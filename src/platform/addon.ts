import { accessSync, constants, readFileSync, realpathSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { sep } from "node:path";

/** Disk space for an addon, with room to spare: the largest has 10 MB. */
const ADDON_BYTES = 16e6;

/**
 * Loads the database's addon, which the executable contains and the runtime unpacks into the temporary folder at each
 * start. Only the executable calls this: the build wraps it around the driver's own `require`. A failure here has a
 * cause on the machine, so the error names it in plain words, and there is no fallback: without the addon there is no
 * Twinpost.
 */
export function loadAddon<Addon>(load: () => Addon): Addon {
  try {
    return load();
  } catch (error) {
    process.stderr.write(`twinpost: ${explain(tmpdir(), error)}\n`);
    process.exit(1);
  }
}

function explain(folder: string, error: unknown): string {
  const fault = faultOf(folder);
  if (!fault) return `its database addon does not load: ${error instanceof Error ? error.message : error}`;
  return `the temporary folder ${folder} ${fault}. The database addon is unpacked there at each start: set TMPDIR to a folder that exists, can be written to and allows execution.`;
}

function faultOf(folder: string): string | undefined {
  try {
    if (!statSync(folder).isDirectory()) return "is no folder";
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    if (code === "ENOENT") return "does not exist";
    return code === "EROFS" ? "is read-only" : `cannot be written to (${code})`;
  }
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < ADDON_BYTES) return "is full";
  return isNoexec(folder) ? "is mounted noexec, so that nothing in it can be executed" : undefined;
}

/** Whether the folder's mount has the option `noexec`; false where the system does not list its mounts like this. */
function isNoexec(folder: string): boolean {
  try {
    const path = `${realpathSync(folder)}${sep}`;
    const mounts = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .map(([, , , , point = "", options = ""]) => ({ point: point.replaceAll("\\040", " "), options }))
      .filter(({ point }) => path.startsWith(point.endsWith("/") ? point : `${point}/`));
    // Of two mounts on the same point, the later one hides the other.
    const holder = mounts.reduce((longest, mount) => (mount.point.length >= longest.point.length ? mount : longest));
    return holder.options.split(",").includes("noexec");
  } catch {
    return false;
  }
}
