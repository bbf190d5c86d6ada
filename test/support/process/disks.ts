import { expect } from "bun:test";
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./server-process.ts";

/** A small file system of a test's own, which can be filled, and made read-only. */
export type Disk = { path: string; run(...command: string[]): void; mount(options: string): void } & Disposable;

const SIZES = { tmpfs: "40m", ext4: "48m" } as const;

function run(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
}

/**
 * Only root can mount one. An ext4 lives in a file, by a loop device; when it finds an error it becomes read-only, as a
 * failing disk does.
 */
export function openDisk(kind: keyof typeof SIZES): Disk {
  const folder = temporaryFolder();
  const [path, image] = [join(folder.path, "disk"), join(folder.path, "image")];
  mkdirSync(path);
  const mount = (options: string) => run("mount", "-o", `loop,errors=remount-ro,${options}`, image, path);
  const disk: Disk = {
    path,
    run,
    mount,
    [Symbol.dispose]: () => {
      Bun.spawnSync(["umount", "--lazy", path]);
      folder[Symbol.dispose]();
    },
  };
  try {
    if (kind === "tmpfs") run("mount", "-t", "tmpfs", "-o", `size=${SIZES[kind]}`, "tmpfs", path);
    else {
      run("truncate", "--size", SIZES[kind], image);
      run("mkfs.ext4", "-q", "-F", "-m", "0", image);
      mount("rw");
    }
    return disk;
  } catch (error) {
    disk[Symbol.dispose]();
    throw error;
  }
}

/** Whether this user may mount such disks. If not, the tests that need them are skipped, and this prints so. */
export function canMount(...kinds: (keyof typeof SIZES)[]): boolean {
  try {
    for (const kind of kinds) openDisk(kind)[Symbol.dispose]();
    return true;
  } catch (error) {
    process.stdout.write(`      (small disks cannot be mounted here, and their tests are skipped: ${error})\n`);
    return false;
  }
}

/** A file that takes the remaining space; how much that is depends on how much of the log has been moved. */
export function fillUp(file: string): void {
  try {
    for (;;) appendFileSync(file, new Uint8Array(16 * 1024));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
  }
}
