import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";
import { OperatorError, toOperatorError } from "../../kernel/operator-error.ts";

// A backup is one file: an SQLite database followed by a label, which SQLite ignores. So any SQLite tool can read a
// backup, and restoring can verify that it is complete and unchanged: the label is written last and contains the digest
// of everything before it.

const FORMAT = 1;
/** The end of the file: format, length and digest of the label. Its length is fixed so that it can be found. */
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

/**
 * Digests the first bytes of a file, passes on each piece, and yields in between: other requests wait no longer than
 * one piece takes.
 */
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

/** Writes the label after the database, which completes the backup. */
export async function writeLabel(handle: FileHandle, label: BackupLabel): Promise<void> {
  const text = Buffer.from(`${JSON.stringify(label)}\n`);
  const footer = `twinpost backup ${FORMAT} ${text.length} ${sha256(text)}`.padEnd(FOOTER_BYTES - 1);
  await handle.write(Buffer.concat([text, Buffer.from(`${footer}\n`)]), 0, undefined, label.databaseBytes);
}

/**
 * Opens a backup for `use`. Refuses a file that is no backup, is incomplete, or has a newer format. Does not check the
 * database itself.
 */
export async function openBackup<Result>(
  file: string,
  use: (label: BackupLabel, handle: FileHandle) => Promise<Result>,
): Promise<Result> {
  const handle = await open(file, "r").catch((error) => {
    throw toOperatorError(`cannot read ${file}`, error);
  });
  try {
    return await use(await readLabel(file, handle), handle);
  } finally {
    await handle.close();
  }
}

async function readLabel(file: string, handle: FileHandle): Promise<BackupLabel> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw new OperatorError(`${file} is no file`);
  const footer = await readAt(handle, stat.size - FOOTER_BYTES, FOOTER_BYTES);
  const [, format, length, digest] = FOOTER.exec(footer.toString("latin1")) ?? [];
  const byteCount = Number(length);
  if (!format || byteCount > LABEL_BYTES_MAX) throw notWhole(file);
  const text = await readAt(handle, stat.size - FOOTER_BYTES - byteCount, byteCount);
  if (sha256(text) !== digest) throw changed(file);
  if (Number(format) > FORMAT)
    throw new OperatorError(`${file} was made by a newer twinpost; restore it with that one`);
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
  new OperatorError(`${file} is no backup, or only part of one: the label at its end is missing`);

export const changed = (file: string) => new OperatorError(`${file} is damaged: its digest does not match`);
