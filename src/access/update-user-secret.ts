import { record } from "../events/record.ts";
import { toSecondsOrNull } from "../kernel/schema.ts";
import { saveSecret, type UserSecret } from "./credential-rows.ts";
import { getUserSecret, getUserWithin } from "./lookups.ts";
import { userCommand } from "./user-command.ts";

type Input = { userId: string; expiresAt: number | null | undefined };

/** Changes when a user's secret ends: null is never, undefined leaves it. Refuses users whose role exceeds the caller's. */
export const updateUserSecret = userCommand(
  "update_user_secret",
  (tx, actor, { userId, expiresAt }: Input): UserSecret => {
    const secret = getUserSecret(tx, getUserWithin(tx, actor, userId));
    if (expiresAt === undefined) return secret;
    const changed = { ...secret, expiresAt, updatedAt: tx.now };
    saveSecret(tx, changed);
    record(tx, actor, {
      kind: "secret.updated",
      accountId: actor.accountId,
      data: { user: userId, validity_ts: toSecondsOrNull(expiresAt) },
    });
    return changed;
  },
);
