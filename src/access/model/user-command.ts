import type { Actor, UserActor } from "../../kernel/actor.ts";
import { assert } from "../../kernel/assert.ts";
import { type Command, command } from "../../store/sqlite/command.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import type { Action } from "./actions.ts";
import { currentActor } from "./authenticate.ts";
import { permit } from "./statement.ts";

/**
 * A command by a user. The user and their role's permission are checked again inside the writing transaction, so no
 * write relies on rights that were taken away a moment before: it is refused as the user's next request would be.
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

/** The calling user's state in this transaction. */
export function currentUser(tx: Tx, actor: Actor): UserActor {
  assert(actor.kind === "user", "only users give user commands");
  return currentActor(tx, actor, tx.now);
}
