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

// Most tests are about a database's content, not about its disk. Their databases are in memory, which saves half of the
// time that a world takes. Tests about disks, and every server in a process of its own, use a folder on disk.

const SHARED_MEMORY = "/dev/shm";
/** Less is a container's 64 MB, which a test can easily fill. */
const ROOM_MIN_BYTES = 2 ** 30;

const parent = hasRoom(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir();

/** A folder that is deleted when its test is over; in memory, if the system has room there. */
export function memoryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(parent, "twinpost-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export type Files = ReadonlyMap<string, Uint8Array>;

/** The files of a folder without subfolders. */
export function filesOf(path: string): Files {
  return new Map(readdirSync(path).map((name) => [name, readFileSync(join(path, name))]));
}

/** A new folder with these files, readable only by their owner. */
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
