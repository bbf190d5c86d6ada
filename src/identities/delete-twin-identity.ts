import { userCommand } from "../access/model/user-command.ts";
import { record } from "../journal/record.ts";
import { getTwinIdentity } from "./get-twin-identity.ts";
import { deleteIdentityRow, type Identity } from "./rows.ts";

type Input = { twinId: string; name: string };

/** Removes an identity of the caller's account from a twin and returns its last state. */
export const deleteTwinIdentity = userCommand(
  "delete_twin_identity",
  (tx, actor, { twinId, name }: Input): Identity => {
    const identity = getTwinIdentity(tx, actor, twinId, name);
    deleteIdentityRow(tx, identity);
    record(tx, actor, {
      kind: "identity.deleted",
      accountId: actor.accountId,
      twinId,
      data: { identities: { [name]: null } },
    });
    return identity;
  },
);
