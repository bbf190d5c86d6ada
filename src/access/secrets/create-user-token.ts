import type { Deps } from "../../deps.ts";
import { record } from "../../journal/record.ts";
import type { TokenOption, UserActor } from "../../kernel/actor.ts";
import { forbidden } from "../../kernel/failure.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { toSecondsOrNull } from "../../kernel/schema.ts";
import { command } from "../../store/sqlite/command.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { earlier, findToken, insertToken, type UserToken } from "../model/credential-rows.ts";
import { ceilingOf } from "../model/lookups.ts";
import { permitTokenCreation } from "../model/statement.ts";
import { currentUser } from "../model/user-command.ts";
import { signUserToken } from "../model/user-token.ts";

type Input = {
  id: string;
  options: TokenOption[];
  secretDict: JsonObject | null;
  /** Undefined: the expiry of the token or secret that makes it. */
  expiresAt: number | null | undefined;
};

export const saveToken = command("create_user_token", (tx, actor, input: Input): UserToken => {
  const caller = currentUser(tx, actor);
  permitTokenCreation(caller);
  const parent = caller.token && getParent(tx, caller.token.id, input);
  const token = {
    id: input.id,
    userId: caller.userId,
    options: input.options,
    // A parent's entries win: rules may rely on them, so the holder must not be able to overwrite them.
    secretDict: parent?.secretDict ? { ...input.secretDict, ...parent.secretDict } : input.secretDict,
    ceiling: ceilingOf(tx, caller),
    expiresAt: earlier(input.expiresAt ?? null, caller.expiresAt),
    createdAt: tx.now,
  };
  insertToken(tx, token);
  const { userId, options, expiresAt } = token;
  record(tx, actor, {
    kind: "token.created",
    accountId: caller.accountId,
    data: { uuid: token.id, user: userId, options, validity_ts: toSecondsOrNull(expiresAt) },
  });
  return token;
});

/** Returns the parent token. Refuses a new token with options that the parent lacks, or with a later expiry. */
function getParent(tx: Tx, id: string, input: Input): UserToken {
  const parent = findToken(tx, id) as UserToken;
  if (input.options.some((option) => !parent.options.includes(option))) {
    throw forbidden("A token cannot make one with options that it does not have.");
  }
  const outlives = input.expiresAt === null || (input.expiresAt ?? 0) > (parent.expiresAt ?? Number.POSITIVE_INFINITY);
  if (outlives && parent.expiresAt !== null) {
    throw forbidden("A token cannot make one that outlives it.");
  }
  return parent;
}

/** Makes a JWT that stands in for the caller's secret. A secret needs the action, a token needs its option `create`. */
export async function createUserToken(deps: Deps, actor: UserActor, input: Omit<Input, "id">) {
  const token = await deps.store.write(saveToken, actor, { ...input, id: deps.random.uuid() });
  return { token, jwt: await signUserToken(deps, actor.accountId, token) };
}
