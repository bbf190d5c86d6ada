import { createHmac } from "node:crypto";
import { blake2b } from "@noble/hashes/blake2.js";
import type { Random } from "../../kernel/random.ts";
import type { Vault } from "../../store/keys/vault.ts";

/** Standard Webhooks requires 24 to 64 bytes. */
const SIGNING_BYTES = 32;
const SIGNING_PREFIX = "whsec_";
/** 16 characters of base64url, like a client secret. */
const SERVER_SECRET_BYTES = 12;
const HASH_BYTES = 32;

export const signingLabel = (subscriptionId: string) => `webhook-signing ${subscriptionId}`;
export const hashLabel = (subscriptionId: string) => `webhook-hash ${subscriptionId}`;

/** A new secret for receivers to verify our signature: in clear, to show once, and sealed, to store. */
export function newSigningSecret(vault: Vault, random: Random, subscriptionId: string) {
  const key = random.bytes(SIGNING_BYTES);
  const clear = `${SIGNING_PREFIX}${Buffer.from(key).toString("base64")}`;
  return { clear, sealed: vault.seal(signingLabel(subscriptionId), key) };
}

/** The signature header of one attempt (Standard Webhooks): over id, time of the attempt in seconds, and body. */
export function signatureOf(
  vault: Vault,
  subscriptionId: string,
  sealed: string,
  id: string,
  at: number,
  body: Uint8Array,
) {
  const key = vault.open(signingLabel(subscriptionId), sealed);
  return `v1,${createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64")}`;
}

/** Our half of the hash key (specification 2.12) in clear, and the whole key sealed; null without a client's half. */
export function newHashKey(
  vault: Vault,
  random: Random,
  subscriptionId: string,
  clientSecret: string | null | undefined,
) {
  if (!clientSecret) return null;
  const serverSecret = Buffer.from(random.bytes(SERVER_SECRET_BYTES)).toString("base64url");
  return { serverSecret, sealed: vault.seal(hashLabel(subscriptionId), Buffer.from(clientSecret + serverSecret)) };
}

export const openHashKey = (vault: Vault, subscriptionId: string, sealed: string) =>
  vault.open(hashLabel(subscriptionId), sealed);

/** Keyed BLAKE2b over texts in the given order, as standard base64. */
export function hashOf(key: Uint8Array, texts: readonly string[]): string {
  const hash = blake2b.create({ key, dkLen: HASH_BYTES });
  for (const text of texts) hash.update(Buffer.from(text));
  return Buffer.from(hash.digest()).toString("base64");
}
