import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Random } from "../../kernel/random.ts";
import { hasErrorCode, syncDirectory } from "../sqlite/files.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals what must be readable again, and digests what must not be guessable from the database alone. Both as base64url.
 */
export type Vault = {
  /**
   * AES-256-GCM with a fresh nonce. Opening requires the same `label`, so that one sealed value cannot replace another.
   */
  seal(label: string, plain: Uint8Array): string;
  /** Throws if it was not sealed with this label and this master key. */
  open(label: string, sealed: string): Uint8Array<ArrayBuffer>;
  /** HMAC-SHA-256: a digest for short secrets, which a plain digest would not protect. */
  digest(label: string, text: string): string;
};

export function createVault(masterKey: Uint8Array, random: Random): Vault {
  const derive = (purpose: string) =>
    new Uint8Array(hkdfSync("sha256", masterKey, "", `twinpost ${purpose}`, KEY_BYTES));
  const sealKey = derive("seal");
  const digestKey = derive("digest");
  return {
    seal(label, plain) {
      const nonce = random.bytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", sealKey, nonce).setAAD(Buffer.from(label));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString("base64url");
    },
    open(label, sealed) {
      const parts = Buffer.from(sealed, "base64url");
      const nonce = parts.subarray(0, NONCE_BYTES);
      const body = parts.subarray(NONCE_BYTES, -TAG_BYTES);
      const tag = parts.subarray(-TAG_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", sealKey, nonce).setAAD(Buffer.from(label)).setAuthTag(tag);
      return new Uint8Array(Buffer.concat([decipher.update(body), decipher.final()]));
    },
    digest: (label, text) => createHmac("sha256", digestKey).update(`${label}\0${text}`).digest("base64url"),
  };
}

/** The master key does not match the database; the message says what to do. */
export class MasterKeyError extends Error {
  override name = "MasterKeyError";
}

/**
 * Reads the master key of a data directory. If there is none, makes one that only its owner can read, unless the
 * database already needs an existing key.
 */
export function loadOrCreateMasterKey(file: string, random: Random, needed: boolean): Uint8Array {
  const found = readMasterKey(file);
  if (!found && needed) throw new MasterKeyError(`${file} is missing; restore it from the backup of this database`);
  return found ?? createKey(file, random);
}

/** The master key in a file, or undefined if there is no such file. */
export function readMasterKey(file: string): Uint8Array | undefined {
  let key: Uint8Array;
  try {
    key = new Uint8Array(readFileSync(file));
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
  if (key.length !== KEY_BYTES)
    throw new MasterKeyError(`${file} is damaged: it holds ${key.length} bytes, not ${KEY_BYTES}`);
  return key;
}

/**
 * Written to a temporary file and linked into place: of two processes that start at once one wins, and no reader ever
 * sees a half-written key.
 */
function createKey(file: string, random: Random): Uint8Array {
  const draft = `${file}.${random.uuid()}`;
  try {
    const handle = openSync(draft, "wx", 0o600);
    writeSync(handle, random.bytes(KEY_BYTES));
    fsyncSync(handle);
    closeSync(handle);
    try {
      linkSync(draft, file);
    } catch (error) {
      if (!hasErrorCode(error, "EEXIST")) throw error;
    }
  } finally {
    rmSync(draft, { force: true });
  }
  syncDirectory(dirname(file));
  return readMasterKey(file) as Uint8Array;
}
