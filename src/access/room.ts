import type { Room } from "../room.ts";
import { ACCESS_TABLES } from "./model/account-rows.ts";
import { ACCESS_INVARIANTS } from "./model/invariant-rows.ts";
import { createUserRole } from "./roles/create-user-role.ts";
import { deleteUserRole } from "./roles/delete-user-role.ts";
import { updateUserRole } from "./roles/update-user-role.ts";
import { redeemPin } from "./secrets/create-user-secret.ts";
import { savePin } from "./secrets/create-user-secret-pin.ts";
import { saveToken } from "./secrets/create-user-token.ts";
import { deleteUserSecret } from "./secrets/delete-user-secret.ts";
import { dropDeadCredentials, dropDeadCredentialsJob } from "./secrets/drop-dead-credentials.ts";
import { saveRefreshedToken } from "./secrets/refresh-user-token.ts";
import { updateUserSecret } from "./secrets/update-user-secret.ts";
import { updateAccount } from "./update-account.ts";
import { createUser } from "./users/create-user.ts";
import { deleteUser } from "./users/delete-user.ts";
import { updateUser } from "./users/update-user.ts";

export const ACCESS_ROOM = {
  commands: [
    createUserRole,
    savePin,
    redeemPin,
    saveToken,
    createUser,
    deleteUserRole,
    deleteUserSecret,
    deleteUser,
    dropDeadCredentials,
    saveRefreshedToken,
    updateAccount,
    updateUserRole,
    updateUserSecret,
    updateUser,
  ],
  jobs: () => [dropDeadCredentialsJob],
  invariants: ACCESS_INVARIANTS,
  tables: ACCESS_TABLES,
  leftTables: {
    access_epoch: "of the database itself",
    pins: "digested with the master key, and over in ten minutes",
    user_tokens: "signed with a key of the server",
  },
} satisfies Room;
