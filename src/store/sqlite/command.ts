import type { Actor } from "../../kernel/actor.ts";
import type { Owner } from "../../kernel/fairness/fair-queue.ts";
import type { Reader, Tx } from "./sql.ts";

/**
 * A write: a name and a synchronous function. Nothing can be awaited while the transaction is open, so input that needs
 * the network, a key or randomness is prepared before. Input and result survive a structured copy. `run` may be called more than
 * once for one request (after another command of the group caused a roll-back), so it must keep no state outside the
 * transaction.
 */
export type Command<Input, Result> = {
  readonly name: string;
  readonly run: (tx: Tx, actor: Actor, input: Input) => Result;
  /**
   * Whether an input is a list so long that input and result are sent between the threads as JSON, not as a copy: a
   * structured copy of 64 entries takes the event loop 60 us, their JSON 9. Only for data without bytes, big integers
   * or negative zeros.
   */
  readonly isBulky?: ((input: Input) => boolean) | undefined;
};

export const command = <Input, Result>(
  name: string,
  run: (tx: Tx, actor: Actor, input: Input) => Result,
  isBulky?: (input: Input) => boolean,
): Command<Input, Result> => ({ name, run, isBulky });

/** Longer lists are sent as JSON. */
const BULKY_ITEMS = 8;

export const isBulkyList = (items: readonly unknown[] | undefined): boolean => (items?.length ?? 0) > BULKY_ITEMS;

/** Reads snapshots and runs commands, as the store does. */
export type ReadWrite = {
  /** Calls `ask` with one snapshot: only committed data, consistent throughout. */
  read<Answer>(ask: (reader: Reader) => Answer): Answer;
  /**
   * Runs a command and resolves once its effect is on disk. Rejects with the command's own refusal, `limited` or
   * `unavailable`. The command queues under its actor unless `owner` is given; null queues it with the server's own
   * commands, which go first.
   */
  write<Input, Result>(
    command: Command<Input, Result>,
    actor: Actor,
    input: Input,
    owner?: Owner | null,
  ): Promise<Result>;
};
