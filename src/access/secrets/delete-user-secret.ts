import { record } from "../../journal/record.ts";
import { deleteSecretRow, type UserSecret } from "../model/credential-rows.ts";
import { getUserSecret, getUserWithSecretWithin } from "../model/lookups.ts";
import { userCommand } from "../model/user-command.ts";

/** Ends a user's secret, and the tokens and PINs made under it. Refuses users who have more than the caller. */
export const deleteUserSecret = userCommand(
  "delete_user_secret",
  (tx, actor, input: { userId: string }): UserSecret => {
    const secret = getUserSecret(tx, getUserWithSecretWithin(tx, actor, input.userId));
    deleteSecretRow(tx, secret.userId);
    record(tx, actor, { kind: "secret.deleted", accountId: actor.accountId, data: { user: secret.userId } });
    return secret;
  },
);
