import type { UserActor } from "../kernel/actor.ts";
import type { JsonText } from "../kernel/json-text.ts";
import type { Reader } from "../store/sql.ts";
import { presentValue, valuesOf } from "./ledger-values.ts";
import { listEntryValues } from "./rows.ts";
import { ruleHolds, type Subject, scopeOf, scopesOf, type TwinFacts } from "./scope.ts";

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

export const mayTouchIdentity = (reader: Reader, actor: UserActor, twin: TwinFacts, identity: IdentityFacts): boolean =>
  identityGate(reader, actor, twin)(identity);

/** The same for many identities of a twin. */
export function identityGate(reader: Reader, actor: UserActor, twin: TwinFacts): (identity: IdentityFacts) => boolean {
  const { identity: rule } = actor.rules;
  const ofCaller = scopesOf(reader, actor, { twin, ledger: actor });
  const byCreator = new Map<string, typeof ofCaller>();
  const ofCreator = ({ accountId }: IdentityFacts) => {
    const scopes = byCreator.get(accountId) ?? scopesOf(reader, actor, { twin, ledger: { accountId } });
    byCreator.set(accountId, scopes);
    return scopes;
  };
  return (identity) => {
    const subject = { identity: identity.name };
    const own = identity.accountId === actor.accountId;
    const { visibility } = identity;
    if (!own && (visibility === null || !ruleHolds(visibility, reader, ofCreator(identity)(subject)))) return false;
    return rule === null ? own : ruleHolds(rule, reader, ofCaller(subject));
  };
}

/** An entry as far as rules look. */
export type EntryFacts = {
  name: string;
  value: JsonText;
  type: string;
  source: { twinId: string; name: string } | null;
  visibility: string | null;
};

/** A ledger and how to get at its entries. */
type LedgerFacts = { twin: TwinFacts; accountId: string; all: () => readonly EntryFacts[] };

/** Tells which of a ledger's entries the caller may touch. */
export function entryGate(reader: Reader, actor: UserActor, ledger: LedgerFacts): (entry: EntryFacts) => boolean {
  const { twin, accountId } = ledger;
  const { entry: rule } = actor.rules;
  const own = accountId === actor.accountId;
  if (rule === null) return () => own;
  const subjectOf = (entry: EntryFacts) => ({
    entry: { name: entry.name, value: () => presentValue(reader, accountId, entry) },
  });
  const ofLedger = scopesOf(reader, actor, { twin, ledger: { accountId } });
  if (own) return (entry) => ruleHolds(rule, reader, ofLedger(subjectOf(entry)));
  if (!mayReachTwin(reader, actor, twin)) return () => false;
  const isVisible = (entry: EntryFacts) =>
    entry.visibility !== null && ruleHolds(entry.visibility, reader, ofLedger(subjectOf(entry)));
  // The role's rule is the caller's, who must not learn from it what the other account keeps private.
  const values = () => valuesOf(reader, accountId, ledger.all().filter(isVisible));
  const ofVisible = scopesOf(reader, actor, { twin, ledger: { accountId, values } });
  return (entry) => isVisible(entry) && ruleHolds(rule, reader, ofVisible(subjectOf(entry)));
}

/**
 * The caller's own ledger as the caller's own questions see it, a scan's `match` or a condition: only what the role lets through, or
 * they could be used to ask for the rest.
 */
export function ledgerOfCaller(reader: Reader, actor: UserActor, twin: TwinFacts): Subject["ledger"] {
  const { accountId, rules } = actor;
  if (rules.entry === null) return { accountId };
  const all = () => listEntryValues(reader, twin.id, accountId).map((entry) => ({ ...entry, visibility: null }));
  const mayTouch = entryGate(reader, actor, { twin, accountId, all });
  return { accountId, values: () => valuesOf(reader, accountId, all().filter(mayTouch)) };
}
