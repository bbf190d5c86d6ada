import { accessSync, constants, readFileSync, realpathSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { sep } from "node:path";

/** What an addon may take, with room to spare: the largest has 10 MB. */
const ADDON_BYTES = 16e6;

/**
 * Loads the database's addon, which the executable carries inside and the runtime unpacks into the temporary folder at each start. Only the
 * executable calls this: the build puts it around the driver's own `require`. What goes wrong there is a matter of the machine, so it is
 * said in plain words, and nothing else is tried: without the addon there is no Twinpost.
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

/** Whether the mount that holds the folder has the option `noexec`; where the system does not list its mounts so, false. */
function isNoexec(folder: string): boolean {
  try {
    const path = `${realpathSync(folder)}${sep}`;
    const mounts = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .map(([, , , , point = "", options = ""]) => ({ point: point.replaceAll("\\040", " "), options }))
      .filter(({ point }) => path.startsWith(point.endsWith("/") ? point : `${point}/`));
    // Of two mounts on the same point, the later one is seen.
    const holder = mounts.reduce((longest, mount) => (mount.point.length >= longest.point.length ? mount : longest));
    return holder.options.split(",").includes("noexec");
  } catch {
    return false;
  }
}
