import type { Deps } from "../deps.ts";
import { record } from "../events/record.ts";
import type { UserActor } from "../kernel/actor.ts";
import { conflict, DomainError } from "../kernel/failure.ts";
import { deletePin, findPin, replacePin } from "./credential-rows.ts";
import { newPin } from "./credentials.ts";
import { getUserWithin } from "./lookups.ts";
import { userCommand } from "./user-command.ts";

/** PINs are read out over the telephone: short to say, so short to live. */
const PIN_LIFETIME_MS = 10 * 60_000;

type Input = { userId: string; pinDigest: string; secretExpiresAt: number | null };

/** PINs are found by account and digest, so two living ones of an account must differ; refused with `conflict` if they do not. */
export const savePin = userCommand(
  "create_user_secret_pin",
  (tx, actor, { userId, pinDigest, secretExpiresAt }: Input): null => {
    const user = getUserWithin(tx, actor, userId);
    const twinPin = findPin(tx, actor.accountId, pinDigest);
    if (twinPin && twinPin.expiresAt > tx.now) throw conflict("exists", "That PIN is taken.");
    if (twinPin) deletePin(tx, twinPin);
    const expiresAt = tx.now + PIN_LIFETIME_MS;
    replacePin(tx, { accountId: actor.accountId, pinDigest, userId: user.id, secretExpiresAt, expiresAt });
    record(tx, actor, { kind: "secret.pin_created", accountId: actor.accountId, data: { user: user.id } });
    return null;
  },
);

/**
 * Makes a PIN that whoever knows it can exchange once, within 10 minutes, for a new secret of the user; it takes the place
 * of the user's PIN before it. `secretExpiresAt` is of the secret to come. Refuses users whose role exceeds the caller's.
 */
export async function createUserSecretPin(
  deps: Deps,
  actor: UserActor,
  userId: string,
  secretExpiresAt: number | null,
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

/** Keyed: the two thousand million PINs there are could all be tried against a plain digest. */
export const pinDigestOf = (deps: Deps, pin: string) => deps.store.vault.digest("pin", pin);
