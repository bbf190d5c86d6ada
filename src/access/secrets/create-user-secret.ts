import type { Deps } from "../../deps.ts";
import { record } from "../../journal/record.ts";
import { ANONYMOUS, type UserActor } from "../../kernel/actor.ts";
import { DomainError, notFound } from "../../kernel/failure.ts";
import { command } from "../../store/sqlite/command.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { hasEnded } from "../model/authenticate.ts";
import {
  deletePin,
  earlier,
  findHolder,
  findHolderByUserToken,
  findPin,
  findSecret,
  type Pin,
  replaceSecret,
  type UserSecret,
} from "../model/credential-rows.ts";
import { type CredentialDigests, digestsOf, newCredentials } from "../model/credentials.ts";
import { ceilingOf } from "../model/lookups.ts";
import { permit } from "../model/statement.ts";
import { getUserForPin, pinDigestOf } from "./create-user-secret-pin.ts";

type Input = { accountId: string; pinDigest: string; digests: CredentialDigests };

export const redeemPin = command(
  "create_user_secret",
  (tx, actor, { accountId, pinDigest, digests }: Input): UserSecret => {
    const pin = findPin(tx, accountId, pinDigest);
    const maker = pin && pin.expiresAt > tx.now ? findMaker(tx, pin) : undefined;
    if (!pin || !maker) throw notFound("PIN", "");
    deletePin(tx, pin);
    const expiresAt = earlier(pin.secretExpiresAt, maker.expiresAt);
    // Users who make PINs for themselves with their secret get a replacement of it, with the same bounds.
    const own = pin.userId === maker.userId ? findSecret(tx, maker.userId) : undefined;
    const secret = {
      userId: pin.userId,
      fingerprint: digests.fingerprint,
      expiresAt,
      grantedUntil: own ? own.grantedUntil : expiresAt,
      makerUntil: own ? own.makerUntil : maker.expiresAt,
      ceiling: own ? own.ceiling : ceilingOf(tx, maker),
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
 * The maker of the PIN, with the credential that they made it with, if they could still make it. The PIN is bounded by
 * its maker's present rights, so it fails once its maker was demoted or its user promoted.
 */
function findMaker(reader: Reader, pin: Pin): UserActor | undefined {
  const maker = pin.tokenId ? findHolderByUserToken(reader, pin.tokenId) : findHolder(reader, pin.makerId);
  if (!maker || hasEnded(maker, reader.now)) return undefined;
  try {
    permit(maker, "create_user_secret_pin");
    getUserForPin(reader, maker, pin.userId);
    return maker;
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}

/**
 * Exchanges a PIN for a new secret of its user, shown only this once; the user's old secret ends. An unknown, expired
 * or used PIN and an account that does not exist get the same answer.
 */
export async function createUserSecret(deps: Deps, accountId: string, pin: string) {
  const credentials = newCredentials(deps.random);
  const input = { accountId, pinDigest: pinDigestOf(deps, pin), digests: digestsOf(credentials) };
  const secret = await deps.store.write(redeemPin, ANONYMOUS, input);
  return { secret, credentials };
}
