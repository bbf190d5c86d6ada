import { createCipheriv, createDecipheriv, createHmac, hkdfSync, scryptSync } from "node:crypto";
import { OperatorError } from "../../kernel/operator-error.ts";

/**
 * Seals an export's secrets with a passphrase. The same value with the same label always gives the same text, so that
 * exports can be compared.
 */
export type ExportSeal = {
  seal(label: string, plain: Uint8Array): string;
  open(label: string, sealed: string): Uint8Array;
};

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** About 32 MB and a tenth of a second for each guess. */
const SCRYPT = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/**
 * The salt is the account's id: random, unique, and the same wherever the account is exported. The nonce is an HMAC of
 * label and plaintext (a synthetic initialisation vector): equal values give equal texts, and different values get
 * different nonces.
 */
export function createExportSeal(passphrase: string, accountId: string): ExportSeal {
  const secret = scryptSync(passphrase.normalize("NFC"), `twinpost export ${accountId}`, KEY_BYTES, SCRYPT);
  const derive = (purpose: string) => new Uint8Array(hkdfSync("sha256", secret, "", `export ${purpose}`, KEY_BYTES));
  const sealKey = derive("seal");
  const nonceKey = derive("nonce");
  return {
    seal(label, plain) {
      const nonce = createHmac("sha256", nonceKey).update(`${label}\0`).update(plain).digest().subarray(0, NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", sealKey, nonce).setAAD(Buffer.from(label));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString("base64url");
    },
    open(label, sealed) {
      const parts = Buffer.from(sealed, "base64url");
      const decipher = createDecipheriv("aes-256-gcm", sealKey, parts.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(label))
        .setAuthTag(parts.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(parts.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch {
        throw new OperatorError("the passphrase is not the one that it was sealed with");
      }
    },
  };
}
