// macOS on arm64 ends a program at its first instruction if the signature does not match its pages, even an ad hoc one.
// A file that was built elsewhere and changed after signing looks fine until it is started there: so this checks the
// digests.

const EMBEDDED_SIGNATURE = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const SHA256_TYPE = 2;
const SHA256_BYTES = 32;

const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest();

/** The fault in the signature of a Mach-O file, or undefined if each page has its stated digest. */
export function faultOfSignature(file: Uint8Array, { offset, bytes }: { offset: number; bytes: number }) {
  const view = new DataView(file.buffer, file.byteOffset + offset, bytes);
  if (view.getUint32(0) !== EMBEDDED_SIGNATURE) return "there is no signature where the header says";
  const blobs = Array.from({ length: view.getUint32(8) }, (_, index) => view.getUint32(12 + index * 8 + 4));
  const directory = blobs.find((at) => view.getUint32(at) === CODE_DIRECTORY);
  if (directory === undefined) return "the signature has no code directory";

  const digestsAt = directory + view.getUint32(directory + 16);
  const pages = view.getUint32(directory + 28);
  const end = view.getUint32(directory + 32);
  const pageBytes = 2 ** view.getUint8(directory + 39);
  const [digestBytes, digestType] = [view.getUint8(directory + 36), view.getUint8(directory + 37)];
  if (digestBytes !== SHA256_BYTES || digestType !== SHA256_TYPE) return "the signature has digests other than SHA-256";
  if (end !== offset || pages !== Math.ceil(end / pageBytes)) return "the signature does not cover the whole file";
  for (let page = 0; page < pages; page++) {
    const content = file.subarray(page * pageBytes, Math.min((page + 1) * pageBytes, end));
    const signed = new Uint8Array(view.buffer, view.byteOffset + digestsAt + page * digestBytes, digestBytes);
    if (!sha256(content).equals(signed)) {
      return `page ${page} of ${pages} is not what was signed`;
    }
  }
  return undefined;
}

const PAGE_BITS = 12;
const PAGE_BYTES = 2 ** PAGE_BITS;
const SUPER_BLOB_BYTES = 20;
const DIRECTORY_BYTES = 88;
const DIRECTORY_VERSION = 0x20400;
/** Ad hoc, and signed by a linker: such a signature may be replaced without forcing it. */
const AD_HOC_BY_LINKER = 0x20002;
const MAIN_BINARY = 1;
const IDENTIFIER = new TextEncoder().encode("a.out\0");

const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;

/**
 * The file with a fresh ad hoc signature in place of the one that its header names, which is the last thing in the
 * file. The bundler does this for arm64, but leaves files for x64 with the signature of the runtime that they are made
 * from: it asks for the hardened runtime, under which a page that does not match ends the program.
 */
export function signedAdHoc(file: Uint8Array): Uint8Array {
  const commands = loadCommands(new DataView(file.buffer, file.byteOffset, file.byteLength));
  const { signature, linkedit, text } = commands;
  if (!signature || !linkedit || !text) throw new Error("a file without a place for a signature cannot be signed");
  const offset = new DataView(file.buffer, file.byteOffset).getUint32(signature + 8, true);
  const pages = Math.ceil(offset / PAGE_BYTES);
  const digestsAt = DIRECTORY_BYTES + IDENTIFIER.length;
  const directoryBytes = digestsAt + pages * SHA256_BYTES;
  const bytes = SUPER_BLOB_BYTES + directoryBytes;

  const signed = new Uint8Array(offset + bytes);
  signed.set(file.subarray(0, offset));
  const header = new DataView(signed.buffer);
  header.setUint32(signature + 12, bytes, true);
  const linkeditBytes = offset + bytes - Number(header.getBigUint64(linkedit + 40, true));
  header.setBigUint64(linkedit + 32, BigInt(Math.ceil(linkeditBytes / PAGE_BYTES) * PAGE_BYTES), true);
  header.setBigUint64(linkedit + 48, BigInt(linkeditBytes), true);

  const blob = new DataView(signed.buffer, offset);
  const superBlob = [EMBEDDED_SIGNATURE, bytes, 1, 0, SUPER_BLOB_BYTES];
  for (const [at, value] of superBlob.entries()) blob.setUint32(at * 4, value);
  const directory = new DataView(signed.buffer, offset + SUPER_BLOB_BYTES);
  const fields = [
    CODE_DIRECTORY,
    directoryBytes,
    DIRECTORY_VERSION,
    AD_HOC_BY_LINKER,
    digestsAt,
    DIRECTORY_BYTES,
    0,
    pages,
  ];
  for (const [at, value] of fields.entries()) directory.setUint32(at * 4, value);
  directory.setUint32(32, offset);
  directory.setUint8(36, SHA256_BYTES);
  directory.setUint8(37, SHA256_TYPE);
  directory.setUint8(39, PAGE_BITS);
  directory.setBigUint64(64, header.getBigUint64(text + 40, true));
  directory.setBigUint64(72, header.getBigUint64(text + 48, true));
  directory.setBigUint64(80, BigInt(MAIN_BINARY));
  const directoryAt = offset + SUPER_BLOB_BYTES;
  signed.set(IDENTIFIER, directoryAt + DIRECTORY_BYTES);
  for (let page = 0; page < pages; page++) {
    const content = signed.subarray(page * PAGE_BYTES, Math.min((page + 1) * PAGE_BYTES, offset));
    signed.set(sha256(content), directoryAt + digestsAt + page * SHA256_BYTES);
  }
  return signed;
}

/** The positions in the header of the load commands that a signature depends on. */
function loadCommands(view: DataView) {
  const found: { signature?: number; linkedit?: number; text?: number } = {};
  let at = 32;
  for (let command = 0; command < view.getUint32(16, true); command++) {
    const kind = view.getUint32(at, true);
    if (kind === LC_CODE_SIGNATURE) found.signature = at;
    if (kind === LC_SEGMENT_64) {
      const name = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 8, 16));
      if (name.startsWith("__LINKEDIT\0")) found.linkedit = at;
      if (name.startsWith("__TEXT\0")) found.text = at;
    }
    at += view.getUint32(at + 4, true);
  }
  return found;
}
