import { record } from "../../journal/record.ts";
import type { UserActor } from "../../kernel/actor.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { exceeds } from "./ceiling.ts";
import { deleteSecretRow, deleteSecretsUnder, findSecret, listCeilings } from "./credential-rows.ts";
import type { Role, User } from "./rows.ts";

/**
 * Ends a user's secret if its maker held fewer rights than the user is given now: the maker may know the secret.
 * Returns how many ended. PINs need no such check, because they are limited to their maker's rights when they are
 * redeemed; tokens are limited by their ceiling.
 */
export function endOutgrownSecret(tx: Tx, actor: UserActor, user: User, role: Role): number {
  const ceiling = findSecret(tx, user.id)?.ceiling;
  if (!ceiling || !exceeds(ceiling, role, user.description)) return 0;
  deleteSecretRow(tx, user.id);
  return recordEnded(tx, actor, [user.id]);
}

/**
 * Ends the secrets of a changed role's users whose makers held fewer rights than the role gives now. Returns how many
 * ended.
 */
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
