import type { Deps } from "../../deps.ts";
import { record } from "../../journal/record.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { assert } from "../../kernel/assert.ts";
import { toSecondsOrNull } from "../../kernel/schema.ts";
import { command } from "../../store/sqlite/command.ts";
import { earlier, findSecret, findToken, insertToken, type UserToken } from "../model/credential-rows.ts";
import { permitTokenRefresh } from "../model/statement.ts";
import { currentUser } from "../model/user-command.ts";
import { signUserToken } from "../model/user-token.ts";

/** `expiresAt` undefined: the same as the old token's. */
type Input = { id: string; expiresAt: number | null | undefined };

export const saveRefreshedToken = command("refresh_user_token", (tx, actor, { id, expiresAt }: Input): UserToken => {
  const caller = currentUser(tx, actor);
  permitTokenRefresh(caller);
  assert(caller.token, "only tokens pass that gate");
  const old = findToken(tx, caller.token.id) as UserToken;
  const secretEnd = findSecret(tx, caller.userId)?.expiresAt ?? null;
  const token = {
    ...old,
    id,
    expiresAt: earlier(expiresAt === undefined ? old.expiresAt : expiresAt, secretEnd),
    createdAt: tx.now,
  };
  insertToken(tx, token);
  record(tx, actor, {
    kind: "token.refreshed",
    accountId: caller.accountId,
    data: { uuid: id, user: caller.userId, from: old.id, validity_ts: toSecondsOrNull(token.expiresAt) },
  });
  return token;
});

/**
 * Makes a token like the calling one with another expiry, at most the secret's. The old token stays valid until its
 * own.
 */
export async function refreshUserToken(deps: Deps, actor: UserActor, expiresAt: number | null | undefined) {
  const token = await deps.store.write(saveRefreshedToken, actor, { id: deps.random.uuid(), expiresAt });
  return { token, jwt: await signUserToken(deps, actor.accountId, token) };
}
