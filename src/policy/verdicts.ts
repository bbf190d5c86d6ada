import type { UserActor } from "../kernel/actor.ts";
import type { JsonText } from "../kernel/json-text.ts";
import type { Reader } from "../store/sql.ts";
import { presentValue, valuesOf } from "./ledger-values.ts";
import { ruleHolds, scopeOf, type TwinFacts } from "./scope.ts";

// The gates behind the statement (specification 1.11): the rules of the caller's role, and for what another account has, its own
// visibility. A role without a rule lets its users touch what their account has, and nothing of others.

/** Whether the caller's role lets a twin through. Without a rule a twin is for everybody who knows its id. */
export function mayTouchTwin(reader: Reader, actor: UserActor, twin: TwinFacts): boolean {
  const { twin: rule } = actor.rules;
  return rule === null || ruleHolds(rule, reader, scopeOf(reader, actor, { twin, ledger: actor }));
}

/** Whether foreign ledgers of a twin are within reach, which a role without a twin rule only gives for own twins. */
export const mayReachTwin = (reader: Reader, actor: UserActor, twin: TwinFacts): boolean =>
  actor.rules.twin === null ? twin.ownerId === actor.accountId : mayTouchTwin(reader, actor, twin);

/** An identity as far as rules look. */
export type IdentityFacts = { accountId: string; name: string; visibility: string | null };

export function mayTouchIdentity(reader: Reader, actor: UserActor, twin: TwinFacts, identity: IdentityFacts): boolean {
  const own = identity.accountId === actor.accountId;
  const subject = { twin, identity: identity.name };
  const isVisible = () =>
    identity.visibility !== null &&
    ruleHolds(identity.visibility, reader, scopeOf(reader, actor, { ...subject, ledger: identity }));
  if (!own && !isVisible()) return false;
  const { identity: rule } = actor.rules;
  if (rule === null) return own;
  return ruleHolds(rule, reader, scopeOf(reader, actor, { ...subject, ledger: actor }));
}

/** An entry as far as rules look. */
export type EntryFacts = {
  name: string;
  value: JsonText;
  type: string;
  source: { twinId: string; name: string } | null;
  visibility: string | null;
};

/** Which of a ledger's entries the caller may touch. `all` are the ledger's entries, `asked` those in question. */
export function touchableEntries<Entry extends EntryFacts>(
  reader: Reader,
  actor: UserActor,
  ledger: { twin: TwinFacts; accountId: string; all: () => readonly Entry[] },
  asked: readonly Entry[],
): Entry[] {
  const { twin, accountId } = ledger;
  const { entry: rule } = actor.rules;
  const subjectOf = (entry: Entry) => ({
    twin,
    entry: { name: entry.name, value: () => presentValue(reader, accountId, entry) },
  });
  if (accountId === actor.accountId) {
    if (rule === null) return [...asked];
    return asked.filter((entry) =>
      ruleHolds(rule, reader, scopeOf(reader, actor, { ...subjectOf(entry), ledger: { accountId } })),
    );
  }
  if (rule === null || !mayReachTwin(reader, actor, twin)) return [];
  const isVisible = (entry: Entry) =>
    entry.visibility !== null &&
    ruleHolds(entry.visibility, reader, scopeOf(reader, actor, { ...subjectOf(entry), ledger: { accountId } }));
  // The role's rule is the caller's, who must not learn from it what the other account keeps private.
  const values = once(() => valuesOf(reader, accountId, ledger.all().filter(isVisible)));
  return asked.filter(
    (entry) =>
      isVisible(entry) &&
      ruleHolds(rule, reader, scopeOf(reader, actor, { ...subjectOf(entry), ledger: { accountId, values } })),
  );
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
