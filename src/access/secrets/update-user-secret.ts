import { record } from "../../journal/record.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { forbidden } from "../../kernel/failure.ts";
import { toSecondsOrNull } from "../../kernel/schema.ts";
import { earlier, saveSecret, type UserSecret } from "../model/credential-rows.ts";
import { getUserSecret, getUserWithSecretWithin } from "../model/lookups.ts";
import { userCommand } from "../model/user-command.ts";

type Input = { userId: string; expiresAt: number | null | undefined };

/**
 * Changes when a user's secret ends: null is never, undefined keeps it. Refuses users who have more rights than the
 * caller, and expiries later than the caller's own. Callers can prolong their own secret up to what another user gave
 * it.
 */
export const updateUserSecret = userCommand(
  "update_user_secret",
  (tx, actor, { userId, expiresAt }: Input): UserSecret => {
    const secret = getUserSecret(tx, getUserWithSecretWithin(tx, actor, userId));
    if (expiresAt === undefined) return secret;
    if (isLater(expiresAt, secret.expiresAt)) assertMayProlong(actor, secret, expiresAt);
    const grantedUntil = userId === actor.userId ? secret.grantedUntil : expiresAt;
    const changed = { ...secret, expiresAt, grantedUntil, updatedAt: tx.now };
    saveSecret(tx, changed);
    record(tx, actor, {
      kind: "secret.updated",
      accountId: actor.accountId,
      data: { user: userId, validity_ts: toSecondsOrNull(expiresAt) },
    });
    return changed;
  },
);

function assertMayProlong(actor: UserActor, secret: UserSecret, expiresAt: number | null): void {
  if (secret.userId === actor.userId) {
    if (!isLater(expiresAt, secret.grantedUntil)) return;
    throw forbidden("A user cannot prolong their own secret beyond the end that another gave it.");
  }
  if (isLater(expiresAt, actor.expiresAt)) {
    throw forbidden("A secret cannot be prolonged beyond the end of the secret or token of the caller.");
  }
  if (isLater(expiresAt, secret.makerUntil)) {
    throw forbidden("The secret or token that this secret's PIN was made with ends sooner: make a new PIN.");
  }
}

const isLater = (end: number | null, than: number | null) => earlier(end, than) !== end;
