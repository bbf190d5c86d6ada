import { EVENT_INVARIANTS } from "./invariant-rows.ts";
import { type Keeper, pruneEvents, pruneEventsJob } from "./prune-events.ts";

/**
 * The manifest, once it is known what the other rooms keep of the journal when it is cut. The journal's table is with the documents', which know
 * its numbers.
 */
export function journalRoom(keepers: readonly Keeper[]) {
  const pruneJournal = pruneEvents(keepers);
  return {
    commands: [pruneJournal],
    jobs: () => [pruneEventsJob(pruneJournal)],
    invariants: EVENT_INVARIANTS,
  };
}
