import type { Deps } from "../../deps.ts";
import { record } from "../../journal/record.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { conflict, DomainError, forbidden } from "../../kernel/failure.ts";
import type { Reader, Tx } from "../../store/sqlite/sql.ts";
import { deletePin, earlier, findPin, findToken, replacePin } from "../model/credential-rows.ts";
import { newPin } from "../model/credentials.ts";
import { getUserWithin } from "../model/lookups.ts";
import type { User } from "../model/rows.ts";
import { userCommand } from "../model/user-command.ts";

/** PINs are read out over the telephone, so they are short; a short PIN must not live long. */
const PIN_LIFETIME_MS = 10 * 60_000;

/** `secretExpiresAt` undefined: the expiry of the caller's credential, or never if it has none. */
type Input = { userId: string; pinDigest: string; secretExpiresAt: number | null | undefined };

/**
 * Stores a PIN. PINs are found by account and digest, so two live ones of an account must differ; refuses equal ones
 * with `conflict`.
 */
export const savePin = userCommand("create_user_secret_pin", (tx: Tx, actor, input: Input): null => {
  const { pinDigest } = input;
  const user = getUserForPin(tx, actor, input.userId);
  const secretExpiresAt = endOfSecret(actor, input.secretExpiresAt);
  const twinPin = findPin(tx, actor.accountId, pinDigest);
  if (twinPin && twinPin.expiresAt > tx.now) throw conflict("exists", "That PIN is taken.");
  if (twinPin) deletePin(tx, twinPin);
  replacePin(tx, {
    accountId: actor.accountId,
    pinDigest,
    userId: user.id,
    makerId: actor.userId,
    tokenId: actor.token?.id ?? null,
    secretExpiresAt,
    // A secret that is born expired would only end the user's old one.
    expiresAt: earlier(tx.now + PIN_LIFETIME_MS, secretExpiresAt) as number,
  });
  record(tx, actor, { kind: "secret.pin_created", accountId: actor.accountId, data: { user: user.id } });
  return null;
});

/**
 * The user for whom the caller may make a PIN; checked again when the PIN is redeemed. Refuses users who have more than
 * the caller, and tokens that permit less than the secret that the PIN would yield.
 */
export function getUserForPin(reader: Reader, actor: UserActor, userId: string): User {
  const user = getUserWithin(reader, actor, userId);
  if (!actor.token) return user;
  if (userId === actor.userId) throw forbidden("A token makes no PIN for the user whose secret it stands in for.");
  const { options } = actor.token;
  const dictionary = findToken(reader, actor.token.id)?.secretDict;
  if (!options.includes("create") || !options.includes("refresh") || dictionary) {
    throw forbidden("Only a token with the options create and refresh and without a secret dictionary makes PINs.");
  }
  return user;
}

function endOfSecret(actor: UserActor, asked: number | null | undefined): number | null {
  if (asked === undefined) return actor.expiresAt;
  if (earlier(asked, actor.expiresAt) !== asked) {
    throw forbidden("The secret that a PIN yields cannot outlive the secret or token that the PIN is made with.");
  }
  return asked;
}

/**
 * Makes a PIN that can be exchanged once, within 10 minutes, for a new secret of the user. It replaces the user's
 * previous PIN, and ends with the secret and token that it was made with. `secretExpiresAt` is the expiry of the future
 * secret.
 */
export async function createUserSecretPin(
  deps: Deps,
  actor: UserActor,
  userId: string,
  secretExpiresAt: number | null | undefined,
) {
  for (;;) {
    const pin = newPin(deps.random);
    try {
      await deps.store.write(savePin, actor, { userId, pinDigest: pinDigestOf(deps, pin), secretExpiresAt });
      return pin;
    } catch (error) {
      const taken =
        error instanceof DomainError && error.failure.code === "conflict" && error.failure.kind === "exists";
      if (!taken) throw error;
    }
  }
}

/** A keyed digest: against a plain one, all 2.2e9 possible PINs could be tried. */
export const pinDigestOf = (deps: Deps, pin: string) => deps.store.vault.digest("pin", pin);
