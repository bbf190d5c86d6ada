import { command } from "../store/command.ts";
import { deleteEventsBefore } from "./rows.ts";

/** Cuts at most `limit` journal rows from before an instant, oldest first, and answers how many there were. */
export const pruneEvents = command("prune_events", (tx, _actor, input: { before: number; limit: number }): number =>
  deleteEventsBefore(tx, input.before, input.limit),
);
