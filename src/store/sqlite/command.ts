import type { Actor } from "../../kernel/actor.ts";
import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import type { Reader, Tx } from "./sql.ts";

/**
 * A write, as a name and a synchronous function. Nothing can be awaited while the transaction is open, so whatever needs
 * the network, a key or chance is done before and comes in as input. Input and result survive JSON. `run` may be called
 * more than once for one request (after a neighbour's roll-back), so it keeps nothing outside the transaction.
 */
export type Command<Input, Result> = {
  readonly name: string;
  readonly run: (tx: Tx, actor: Actor, input: Input) => Result;
  /**
   * Whether an input is so long a list that it, and the result, go to the writer's thread and back as JSON: a copy of 64 entries takes the event
   * loop 60 us, their JSON 9. Only for what has no bytes, big numbers or negative zeros.
   */
  readonly isBulky?: ((input: Input) => boolean) | undefined;
};

export const command = <Input, Result>(
  name: string,
  run: (tx: Tx, actor: Actor, input: Input) => Result,
  isBulky?: (input: Input) => boolean,
): Command<Input, Result> => ({ name, run, isBulky });

/** Lists of more items are sent as JSON. */
const BULKY_ITEMS = 8;

export const isBulkyList = (items: readonly unknown[] | undefined): boolean => (items?.length ?? 0) > BULKY_ITEMS;

/** Reads snapshots and runs commands, as the store does. */
export type ReadWrite = {
  /** Hands `ask` one snapshot: everything it reads was committed, and fits together. */
  read<Answer>(ask: (reader: Reader) => Answer): Answer;
  /**
   * Runs a command and answers once its effect is on disk. Rejects with the command's own refusal, `limited` or `unavailable`. It waits among the
   * commands of its owner, if not told otherwise of its actor; with null, among the server's own, which go first.
   */
  write<Input, Result>(
    command: Command<Input, Result>,
    actor: Actor,
    input: Input,
    owner?: Owner | null,
  ): Promise<Result>;
};
