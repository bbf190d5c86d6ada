import { record } from "../../events/record.ts";
import type { UserActor } from "../../kernel/actor.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { exceeds } from "./ceiling.ts";
import { deleteSecretRow, deleteSecretsUnder, findSecret, listCeilings } from "./credential-rows.ts";
import type { Role, User } from "./rows.ts";

/**
 * Ends the secret of a user if its maker held less than the user is given now: the maker may have it. Returns how many ended. PINs need no
 * such look, they are worth what their maker is when they are redeemed; tokens keep to their own ceiling.
 */
export function endOutgrownSecret(tx: Tx, actor: UserActor, user: User, role: Role): number {
  const ceiling = findSecret(tx, user.id)?.ceiling;
  if (!ceiling || !exceeds(ceiling, role, user.description)) return 0;
  deleteSecretRow(tx, user.id);
  return recordEnded(tx, actor, [user.id]);
}

/** Likewise for all users of a role that has changed. */
export function endOutgrownSecrets(tx: Tx, actor: UserActor, role: Role): number {
  const ended = listCeilings(tx, role.id)
    .filter(({ ceiling }) => exceeds({ ...ceiling, user: null }, role, null))
    .flatMap(({ text }) => deleteSecretsUnder(tx, role.id, text));
  return recordEnded(tx, actor, ended);
}

function recordEnded(tx: Tx, actor: UserActor, users: string[]): number {
  if (users.length > 0) {
    record(tx, actor, { kind: "secret.outgrown", accountId: actor.accountId, data: { users } });
  }
  return users.length;
}
