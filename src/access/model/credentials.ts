import { hash } from "node:crypto";
import type { Random } from "../../kernel/random.ts";

/** 64 characters of standard base64 (specification 1.4). */
const SECRET_BYTES = 48;
const PIN_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const PIN_LENGTH = 6;

/** Both forms of one user secret. They are shown once; only their digests are stored. */
type Credentials = { secret: string; token: string };

/** What is stored of a secret: digests to find it by, and its last four characters to recognise it. */
export type CredentialDigests = { secretDigest: string; tokenDigest: string; fingerprint: string };

export function newCredentials(random: Random): Credentials {
  const secret = Buffer.from(random.bytes(SECRET_BYTES)).toString("base64");
  return { secret, token: tokenOf(secret) };
}

export const digestsOf = ({ secret, token }: Credentials): CredentialDigests => ({
  secretDigest: digestOf(secret),
  tokenDigest: digestOf(token),
  fingerprint: secret.slice(-4),
});

/** No slow hash is needed for 48 random bytes, or for the 122 random bits of a token. */
export const digestOf = (credential: string) => hash("sha256", credential, "base64url");

export const newPin = (random: Random) =>
  Array.from({ length: PIN_LENGTH }, () => PIN_ALPHABET[random.below(PIN_ALPHABET.length)]).join("");

/** Returns the form of the secret for clients that require a UUID: derived one-way, with the format of version 4. */
function tokenOf(secret: string): string {
  const bytes = hash("sha256", `twinpost token\0${secret}`, "buffer").subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
