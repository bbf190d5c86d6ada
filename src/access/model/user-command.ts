import type { Actor, UserActor } from "../../kernel/actor.ts";
import { assert } from "../../kernel/assert.ts";
import { type Command, command } from "../../store/sqlite/command.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import type { Action } from "./actions.ts";
import { renew } from "./authenticate.ts";
import { permit } from "./statement.ts";

/**
 * A command that a user gives. Who they are and what their role permits is looked at again in the transaction that writes, so
 * no write is decided by rights that were taken away a moment before: it is refused as their next request would be.
 */
export const userCommand = <Input, Result>(
  name: Action,
  run: (tx: Tx, actor: UserActor, input: Input) => Result,
  isBulky?: Command<Input, Result>["isBulky"],
): Command<Input, Result> =>
  command(
    name,
    (tx, actor, input: Input) => {
      const caller = currentUser(tx, actor);
      permit(caller, name);
      return run(tx, caller, input);
    },
    isBulky,
  );

/** The calling user as they stand in this transaction. */
export function currentUser(tx: Tx, actor: Actor): UserActor {
  assert(actor.kind === "user", "only users give user commands");
  return renew(tx, actor, tx.now);
}
