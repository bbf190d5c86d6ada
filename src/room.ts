import type { Job } from "./deps.ts";
import type { Keeper } from "./journal/prune-events.ts";
import type { Invariant } from "./store/sqlite/invariant.ts";
import type { Topic } from "./store/sqlite/sql.ts";
import type { AccountTable } from "./store/transfer/account-table.ts";
import type { Commands } from "./store/writer/writer-thread.ts";

/**
 * The manifest of a room, as this house calls a module: what the server and the command line need to know of it. Each
 * `room.ts` exports one, and `rooms.ts` lists all.
 */
export type Room = {
  /** Every command that a server may run. */
  readonly commands: Commands;
  /** Created anew for each scheduler, because some jobs store their progress in memory. */
  readonly jobs?: () => readonly Job[];
  /** Topics that its commands wake. */
  readonly wakes?: readonly Topic[];
  /** Invariants of its rows. */
  readonly invariants?: readonly Invariant[];
  /** Tables with an account's rows, ordered so that a row comes after those it refers to. */
  readonly tables?: readonly AccountTable[];
  /** Tables that an export leaves out, and why. */
  readonly leftTables?: Readonly<Record<string, string>>;
  /** Called with journal rows before they are pruned, to keep what the room still needs. */
  readonly keepers?: readonly Keeper[];
};
