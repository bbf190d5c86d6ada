import type { Job } from "./deps.ts";
import type { Keeper } from "./events/prune-events.ts";
import type { Invariant } from "./store/sqlite/invariant.ts";
import type { Topic } from "./store/sqlite/sql.ts";
import type { AccountTable } from "./store/transfer/account-table.ts";
import type { Commands } from "./store/writer/writer-thread.ts";

/** A room's manifest: what the server and the command line have of it. It stands in the room, and in the list in `rooms.ts`. */
export type Room = {
  /** Every command that a server gives. */
  readonly commands: Commands;
  /** Made anew for each scheduler: some remember how far they came. */
  readonly jobs?: () => readonly Job[];
  /** The topics that its commands wake. */
  readonly wakes?: readonly Topic[];
  /** What has to be true of its rows. */
  readonly invariants?: readonly Invariant[];
  /** What an account has of it, in an order in which every row finds those that it names. */
  readonly tables?: readonly AccountTable[];
  /** Its tables that stay behind when an account leaves, and why. */
  readonly leftTables?: Readonly<Record<string, string>>;
  /** What it needs of journal rows that are about to be cut. */
  readonly keepers?: readonly Keeper[];
};
