import { copyFileSync, cpSync, existsSync, mkdirSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Executable, readExecutable } from "../build/executable-format.ts";
import { ownTarget } from "../build/targets.ts";

const repository = join(import.meta.dir, "../..");

/** An environment in which the built file is tested: how to call it there, or why this machine cannot. */
export type Place = { name: string; program: string[] } | { name: string; skipped: string };

/**
 * The file alone in a folder, with only settings in its environment. `runner` precedes it: an emulator, for another
 * machine's file.
 */
export function emptyFolder(folder: string, file: string, runner: string[]): Place {
  const copy = join(folder, "alone", basename(file));
  mkdirSync(dirname(copy));
  cpSync(file, copy);
  return { name: "an empty folder", program: ["env", "-u", "PATH", ...runner, copy] };
}

/** The source code, run by Deno instead of Bun. */
export function onDeno(folder: string): Place {
  const name = "Deno";
  const { platform, arch } = process;
  const binary = `@deno/${platform}-${arch}${platform === "linux" ? "-glibc" : ""}/deno${platform === "win32" ? ".exe" : ""}`;
  const deno = join(repository, "node_modules", binary);
  if (!existsSync(deno)) return { name, skipped: `there is no ${binary} in node_modules` };
  const settings = [`DENO_DIR=${join(folder, "deno")}`, "DENO_NO_UPDATE_CHECK=1"];
  return { name, program: ["env", ...settings, deno, "run", "-A", join(repository, "src/main.ts")] };
}

/** The only libraries that a machine needs: the parts of the C library, and the compiler's own. */
const LIBRARIES = /^(libc|libm|libdl|libpthread|librt|libgcc_s|ld-linux-[\w-]+)\.so\.\d+$/;

/**
 * The file in a root with only the libraries that it needs, /proc and an empty /tmp. `shared` holds the stories' data:
 * it has the same path inside and outside.
 */
export async function cleanRoot(folder: string, file: string, shared: string): Promise<Place> {
  const name = "a clean root";
  if (process.platform !== "linux") return { name, skipped: "there is no chroot with name spaces on this system" };
  if (process.getuid?.() !== 0) return { name, skipped: "it takes root" };
  if (Bun.spawnSync(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).exitCode !== 0) {
    return { name, skipped: "this machine does not let us mount" };
  }
  const program = readExecutable(await Bun.file(file).bytes());
  if (program?.format !== "elf" || program.loader !== ownTarget().loader) {
    return { name, skipped: "the file is another machine's" };
  }
  const root = join(folder, "root");
  for (const path of await librariesOf(file, program)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(realpathSync(path), join(root, path));
  }
  for (const path of ["proc", "tmp"]) mkdirSync(join(root, path));
  cpSync(file, join(root, "twinpost"));
  // The mounts of a namespace end with its process.
  const script = `
    mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && mount -t proc proc "$0/proc" &&
    mount -t tmpfs tmpfs "$0/tmp" && mkdir -p "$0$1" && mount --bind "$1" "$0$1" &&
    root=$0 && shift && chroot=$(command -v chroot) && unset PATH && exec "$chroot" "$root" /twinpost "$@"`;
  return { name, program: ["unshare", "--mount", "sh", "-c", script, root, shared] };
}

/** Where this machine has the libraries that the file and its addon need. Throws for one that is not in the list. */
async function librariesOf(file: string, program: Executable & { format: "elf" }): Promise<Set<string>> {
  const addon = join(repository, "node_modules", ownTarget().addon.package, ownTarget().addon.file);
  const paths = new Set([program.loader as string]);
  for (const asking of [file, addon]) {
    for (const line of (await new Response(Bun.spawn(["ldd", asking]).stdout).text()).split("\n")) {
      const [, library = "", path] = /^\s*(\S+) => (\/\S+)/.exec(line) ?? [];
      if (!path) continue;
      if (!LIBRARIES.test(library)) throw new Error(`${asking} needs ${library}, which machines need not have`);
      paths.add(path);
    }
  }
  return paths;
}
