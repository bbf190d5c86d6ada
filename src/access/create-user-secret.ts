import type { Deps } from "../deps.ts";
import { record } from "../events/record.ts";
import { ANONYMOUS } from "../kernel/actor.ts";
import { notFound } from "../kernel/failure.ts";
import { command } from "../store/command.ts";
import { pinDigestOf } from "./create-user-secret-pin.ts";
import { deletePin, findPin, replaceSecret, type UserSecret } from "./credential-rows.ts";
import { type CredentialDigests, digestsOf, newCredentials } from "./credentials.ts";

type Input = { accountId: string; pinDigest: string; digests: CredentialDigests };

export const redeemPin = command(
  "create_user_secret",
  (tx, actor, { accountId, pinDigest, digests }: Input): UserSecret => {
    const pin = findPin(tx, accountId, pinDigest);
    if (!pin || pin.expiresAt <= tx.now) throw notFound("PIN", "");
    deletePin(tx, pin);
    const secret = {
      userId: pin.userId,
      fingerprint: digests.fingerprint,
      expiresAt: pin.secretExpiresAt,
      createdAt: tx.now,
      updatedAt: tx.now,
    };
    replaceSecret(tx, secret, digests);
    record(tx, actor, {
      kind: "secret.created",
      accountId,
      data: { user: pin.userId, fingerprint: secret.fingerprint },
    });
    return secret;
  },
);

/**
 * Exchanges a PIN for a new secret of its user, shown this once; the user's old secret ends. A PIN that is unknown, over or used, and
 * an account that does not exist, are told apart by nobody.
 */
export async function createUserSecret(deps: Deps, accountId: string, pin: string) {
  const credentials = newCredentials(deps.random);
  const input = { accountId, pinDigest: pinDigestOf(deps, pin), digests: digestsOf(credentials) };
  const secret = await deps.store.write(redeemPin, ANONYMOUS, input);
  return { secret, credentials };
}
