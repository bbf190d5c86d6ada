import type { Actor } from "../kernel/actor.ts";
import type { Tx } from "./sql.ts";

/**
 * A write, as a name and a synchronous function. Nothing can be awaited while the transaction is open, so whatever needs
 * the network, a key or chance is done before and comes in as input. Input and result survive JSON. `run` may be called
 * more than once for one request (after a neighbour's roll-back), so it keeps nothing outside the transaction.
 */
export type Command<Input, Result> = {
  readonly name: string;
  readonly run: (tx: Tx, actor: Actor, input: Input) => Result;
};

export const command = <Input, Result>(
  name: string,
  run: (tx: Tx, actor: Actor, input: Input) => Result,
): Command<Input, Result> => ({ name, run });
