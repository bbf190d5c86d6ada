import { record } from "../events/record.ts";
import { deleteSecretRow, type UserSecret } from "./credential-rows.ts";
import { getUserSecret, getUserWithin } from "./lookups.ts";
import { userCommand } from "./user-command.ts";

/** Ends a user's secret, and the tokens made under it. Refuses users whose role exceeds the caller's. */
export const deleteUserSecret = userCommand(
  "delete_user_secret",
  (tx, actor, input: { userId: string }): UserSecret => {
    const secret = getUserSecret(tx, getUserWithin(tx, actor, input.userId));
    deleteSecretRow(tx, secret.userId);
    record(tx, actor, { kind: "secret.deleted", accountId: actor.accountId, data: { user: secret.userId } });
    return secret;
  },
);
