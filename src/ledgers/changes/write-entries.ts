import type { Deps } from "../../deps.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { invalid } from "../../kernel/failure.ts";
import { writeInParts } from "../../kernel/fairness/parts.ts";
import type { Command } from "../../store/sqlite/command.ts";
import type { Entry, Outcomes } from "../model/entry.ts";
import type { LedgerPath } from "../model/locate-ledger.ts";
import type { WriteOptions } from "../model/schema.ts";

/** All or nothing is one command, and other requests wait while it runs. */
const TRANSACTION_MAX = 250;

type Input<Wish> = { path: LedgerPath; entries: [name: string, wish: Wish][]; options: WriteOptions };

/**
 * Writes entries of one ledger by a command: in parts, unless `transaction` asks for all or nothing, which is refused
 * for more than 250. Rules see the changes of earlier parts.
 */
export function writeEntries<Wish>(
  { store }: Deps,
  command: Command<Input<Wish>, Outcomes<Entry>>,
  actor: UserActor,
  { path, entries, options }: Input<Wish>,
): Promise<Outcomes<Entry>> {
  if (options.transaction) {
    assertOneTransaction(entries.length);
    return store.write(command, actor, { path, entries, options });
  }
  return writeInParts<[name: string, wish: Wish], Outcomes<Entry>[number]>({
    items: entries,
    weightOf: () => 1,
    write: (part) => store.write(command, actor, { path, entries: part, options }),
    refuse: ([name], error) => [name, { error }],
  });
}

export function assertOneTransaction(count: number): void {
  if (count <= TRANSACTION_MAX) return;
  const message = `must be at most ${TRANSACTION_MAX} in one transaction`;
  throw invalid("body", "Request body is not acceptable.", [{ path: "entries", message, reason: "constraint" }]);
}
