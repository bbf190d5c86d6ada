import type { UserActor } from "../kernel/actor.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { ruleHolds, scopeOf, type TwinFacts } from "./scope.ts";

/** Whether the caller's role permits access to a twin. Without a twin rule, knowing its id is enough. */
export function mayAccessTwin(reader: Reader, actor: UserActor, twin: TwinFacts): boolean {
  const { twin: rule } = actor.rules;
  return rule === null || ruleHolds(rule, reader, scopeOf(reader, actor, { twin, ledger: actor }));
}

/** Whether foreign ledgers of a twin are reachable: without a twin rule, only those of own twins. */
export const mayReachTwin = (reader: Reader, actor: UserActor, twin: TwinFacts): boolean =>
  actor.rules.twin === null ? twin.ownerId === actor.accountId : mayAccessTwin(reader, actor, twin);
