import {
  accessSync,
  constants,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Most tests are about what a database says, not about the disk that it is on. Theirs is in memory, where nobody waits for a disk: that is
// half of the time that a world takes. What is about disks, and every server that is a process of its own, has a folder on one.

const SHARED_MEMORY = "/dev/shm";
/** Less is a container's 64 MB, which a test may well fill. */
const ROOM_MIN_BYTES = 2 ** 30;

const parent = hasRoom(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir();

/** A folder that is gone when its test is over; in memory, where the system has room for it there. */
export function memoryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(parent, "twinpost-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export type Files = ReadonlyMap<string, Uint8Array>;

/** What is in a folder without folders. */
export function filesOf(path: string): Files {
  return new Map(readdirSync(path).map((name) => [name, readFileSync(join(path, name))]));
}

/** A new folder with these files, for their owner's eyes only. */
export function folderWith(files: Files): ReturnType<typeof memoryFolder> {
  const folder = memoryFolder();
  for (const [name, bytes] of files) writeFileSync(join(folder.path, name), bytes, { mode: 0o600 });
  return folder;
}

function hasRoom(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize >= ROOM_MIN_BYTES;
  } catch {
    return false;
  }
}
