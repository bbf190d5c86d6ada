import { createHmac, timingSafeEqual } from "node:crypto";
import { notFound } from "../../kernel/failure.ts";
import { UUID_PATTERN } from "../../kernel/schema.ts";
import type { Vault } from "../../store/keys/vault.ts";

// The tokens in messages' links (specification 2.12): standard base64 of
// `<purpose>___<account>___<subscription>___<mac>`. The plain text has 114 bytes, so the token has neither padding nor
// characters that a URL would have to escape.

/** Confirm with GET, refresh with PATCH, unsubscribe with DELETE. */
export type Purpose = "c" | "r" | "u";

export type SubscriptionKey = { accountId: string; id: string };

const MAC_DIGITS = 32;
const PLAIN = new RegExp(`^([cru])___(${UUID_PATTERN})___(${UUID_PATTERN})___([0-9a-f]{${MAC_DIGITS}})$`);

/** Deterministic, so it is not stored: the subscription's key is derived from the master key. */
export function tokenOf(vault: Vault, purpose: Purpose, { accountId, id }: SubscriptionKey): string {
  const named = `${purpose}___${accountId}___${id}`;
  return Buffer.from(`${named}___${macOf(vault, named, id)}`).toString("base64");
}

/**
 * The subscription that a token is for; refused as not found unless this server made it for this purpose, and for this
 * account if one is named.
 */
export function readToken(vault: Vault, purpose: Purpose, token: string, accountId?: string): SubscriptionKey {
  const [, given, account, id, mac] = PLAIN.exec(Buffer.from(token, "base64").toString()) ?? [];
  if (given !== purpose || !account || !id || !mac) throw notFound("Subscription", "");
  const expected = macOf(vault, `${purpose}___${account}___${id}`, id);
  if (!timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) throw notFound("Subscription", "");
  if (accountId !== undefined && accountId !== account) throw notFound("Subscription", "");
  return { accountId: account, id };
}

export const linkOf = (vault: Vault, base: string, purpose: Purpose, key: SubscriptionKey) =>
  `${base}/notifications/webhooks/${key.accountId}?token=${tokenOf(vault, purpose, key)}`;

function macOf(vault: Vault, named: string, id: string): string {
  const key = vault.digest("webhook-token", id);
  return createHmac("sha256", key).update(named).digest("hex").slice(0, MAC_DIGITS);
}
