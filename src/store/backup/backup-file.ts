import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";
import { PlainError, toldPlainly } from "../../kernel/plain-error.ts";

// A backup is one file: an SQLite database, and behind its last page a label, which SQLite does not look at. So any SQLite tool reads
// a backup, and whoever restores one knows from its end that it is whole and unchanged: the label is written last, and has the digest
// of everything before it.

const FORMAT = 1;
/** The very end: what this is, in which format, how long the label is, and its digest. Always as many bytes, so that it can be found. */
const FOOTER_BYTES = 112;
const FOOTER = /^twinpost backup (\d+) (\d+) ([0-9a-f]{64}) *\n$/;
const LABEL_BYTES_MAX = 65_536;
const CHUNK_BYTES = 256 * 1024;

const Label = z.object({
  /** Version of the program that made it, and the number of the database's newest migration. */
  program: z.string(),
  schema: z.int(),
  createdAt: z.number(),
  databaseBytes: z.int(),
  databaseSha256: z.string(),
  /** Base64; null if it was left out. */
  masterKey: z.string().nullable(),
});

export type BackupLabel = z.infer<typeof Label>;

/** Digests the first bytes of a file, handing on each piece, and yielding in between: whoever else is served here waits no longer than a piece takes. */
export async function digestFile(
  handle: FileHandle,
  byteCount: number,
  take: (piece: Uint8Array) => Promise<unknown> = async () => {},
): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let position = 0; position < byteCount; ) {
    const length = Math.min(CHUNK_BYTES, byteCount - position);
    const { bytesRead } = await handle.read(buffer, 0, length, position);
    if (bytesRead === 0) break;
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    await take(piece);
    position += bytesRead;
  }
  return hash.digest("hex");
}

/** Writes the label behind the database, which makes it a backup. */
export async function writeLabel(handle: FileHandle, label: BackupLabel): Promise<void> {
  const text = Buffer.from(`${JSON.stringify(label)}\n`);
  const footer = `twinpost backup ${FORMAT} ${text.length} ${sha256(text)}`.padEnd(FOOTER_BYTES - 1);
  await handle.write(Buffer.concat([text, Buffer.from(`${footer}\n`)]), 0, undefined, label.databaseBytes);
}

/** Opens a backup for `use`. Refuses what is no backup, is one only in part, or is of a newer format; the database itself is not looked at yet. */
export async function openBackup<Result>(
  file: string,
  use: (label: BackupLabel, handle: FileHandle) => Promise<Result>,
): Promise<Result> {
  const handle = await open(file, "r").catch((error) => {
    throw toldPlainly(`cannot read ${file}`, error);
  });
  try {
    return await use(await readLabel(file, handle), handle);
  } finally {
    await handle.close();
  }
}

async function readLabel(file: string, handle: FileHandle): Promise<BackupLabel> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw new PlainError(`${file} is no file`);
  const footer = await readAt(handle, stat.size - FOOTER_BYTES, FOOTER_BYTES);
  const [, format, length, digest] = FOOTER.exec(footer.toString("latin1")) ?? [];
  const byteCount = Number(length);
  if (!format || byteCount > LABEL_BYTES_MAX) throw notWhole(file);
  const text = await readAt(handle, stat.size - FOOTER_BYTES - byteCount, byteCount);
  if (sha256(text) !== digest) throw changed(file);
  if (Number(format) > FORMAT) throw new PlainError(`${file} was made by a newer twinpost; restore it with that one`);
  const label = Label.parse(JSON.parse(text.toString()));
  if (label.databaseBytes !== stat.size - FOOTER_BYTES - byteCount) throw changed(file);
  return label;
}

async function readAt(handle: FileHandle, position: number, byteCount: number): Promise<Buffer> {
  if (position < 0) return Buffer.alloc(0);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(byteCount), 0, byteCount, position);
  return buffer.subarray(0, bytesRead);
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const notWhole = (file: string) =>
  new PlainError(`${file} is no backup: it does not end as what twinpost backup writes, or only a part of it is here`);

export const changed = (file: string) => new PlainError(`${file} is damaged: it is not what was written`);
