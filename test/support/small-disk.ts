import { expect } from "bun:test";
import { appendFileSync } from "node:fs";
import { temporaryFolder } from "./server-process.ts";

export type SmallDisk = { path: string } & Disposable;

/** A small file system of its own, if whoever runs this may mount one. */
export function smallDisk(): SmallDisk | undefined {
  const folder = temporaryFolder();
  const { exitCode } = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder.path]);
  if (exitCode !== 0) {
    folder[Symbol.dispose]();
    return undefined;
  }
  return {
    path: folder.path,
    [Symbol.dispose]: () => {
      Bun.spawnSync(["umount", "--lazy", folder.path]);
      folder[Symbol.dispose]();
    },
  };
}

export const canMount = (() => {
  using disk = smallDisk();
  return disk !== undefined;
})();

/** A file that takes what is left; how much that is depends on how much of the log has been moved. */
export function fillUp(file: string): void {
  try {
    for (;;) appendFileSync(file, new Uint8Array(16 * 1024));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
  }
}
