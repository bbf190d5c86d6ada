import type { Actor, UserActor } from "../kernel/actor.ts";
import { assert } from "../kernel/assert.ts";
import { type Command, command } from "../store/command.ts";
import type { Tx } from "../store/sql.ts";
import type { Action } from "./actions.ts";
import { unauthenticated } from "./authenticate.ts";
import { findHolder, findHolderByUserToken } from "./credential-rows.ts";
import { permit } from "./statement.ts";

/**
 * A command that a user gives. Who they are and what their role permits is looked at again in the transaction that writes, so
 * no write is decided by rights that were taken away a moment before: it is refused as their next request would be.
 */
export const userCommand = <Input, Result>(
  name: Action,
  run: (tx: Tx, actor: UserActor, input: Input) => Result,
): Command<Input, Result> =>
  command(name, (tx, actor, input: Input) => {
    const caller = currentUser(tx, actor);
    permit(caller, name);
    return run(tx, caller, input);
  });

/** The calling user as they stand in this transaction; `unauthenticated` if their secret or token has ended. */
export function currentUser(tx: Tx, actor: Actor): UserActor {
  assert(actor.kind === "user", "only users give user commands");
  const caller = actor.token ? findHolderByUserToken(tx, actor.token.id, tx.now) : findHolder(tx, actor.userId, tx.now);
  if (!caller) throw unauthenticated();
  return caller;
}
