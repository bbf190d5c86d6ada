import type { UserActor } from "../kernel/actor.ts";
import { forbidden } from "../kernel/failure.ts";
import { once } from "../kernel/once.ts";
import { mentionsOf } from "../rules/mentions.ts";
import { compileRule } from "../rules/rule.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { type Author, UNKNOWN_AUTHOR } from "./author.ts";
import { authorViews } from "./author-view.ts";
import { ruleHolds, scopesOf, type TwinFacts } from "./scope.ts";
import { mayAccessTwin } from "./twin-gate.ts";

// The checks after the statement (specification 1.11): the rules of the caller's role, and for another account's things
// that account's visibility. Without a rule, a role's users may access what their account has, and nothing of others.

export { type EntryFacts, type EntryGate, entryGate, ledgerOfCaller, openGate } from "./entry-gate.ts";
export { mayAccessTwin, mayReachTwin } from "./twin-gate.ts";

const THINGS = { twin: "a Twin", identity: "an Identity" };

/** Refuses a change that would hide the thing from the caller by a rule of their own role. */
export function assertWithinRule(rule: keyof typeof THINGS, isWithin: boolean): void {
  if (!isWithin) throw forbidden(`The ${rule} rule of the role does not permit such ${THINGS[rule]}.`);
}

/** The part of an identity that rules read. */
type IdentityFacts = { accountId: string; name: string; visibility: string | null; author: Author | null };

export const mayAccessIdentity = (
  reader: Reader,
  actor: UserActor,
  twin: TwinFacts,
  identity: IdentityFacts,
): boolean => identityGate(reader, actor, twin)(identity);

/** Returns the check of `mayAccessIdentity` for many identities of one twin. */
export function identityGate(reader: Reader, actor: UserActor, twin: TwinFacts): (identity: IdentityFacts) => boolean {
  const { identity: rule } = actor.rules;
  const ofCaller = scopesOf(reader, actor, { twin, ledger: actor });
  const byCreator = new Map<string, ReturnType<typeof shownBy>>();
  const isShown = (identity: IdentityFacts) => {
    const shown = byCreator.get(identity.accountId) ?? shownBy(reader, actor, twin, identity.accountId);
    byCreator.set(identity.accountId, shown);
    return shown(identity);
  };
  return (identity) => {
    const own = identity.accountId === actor.accountId;
    if (!own && !isShown(identity)) return false;
    return rule === null ? own : ruleHolds(rule, reader, ofCaller({ identity: identity.name }));
  };
}

/**
 * Decides which of an account's identities on a twin are visible to the caller: those that the author of the visibility
 * may show.
 */
function shownBy(reader: Reader, actor: UserActor, twin: TwinFacts, accountId: string) {
  const authorViewOf = authorViews(reader, twin, accountId);
  const ofReader = scopesOf(reader, actor, { twin, ledger: { accountId } });
  const gates = new Map<UserActor, ReturnType<typeof ownIdentityGate>>();
  const gateOf = (author: UserActor) => {
    const gate = gates.get(author) ?? ownIdentityGate(reader, author, twin);
    gates.set(author, gate);
    return gate;
  };
  return ({ name, visibility, author }: IdentityFacts): boolean => {
    if (visibility === null) return false;
    const authorView = authorViewOf(author ?? UNKNOWN_AUTHOR);
    const { rights } = authorView;
    if (rights === "none" || !authorView.mayMention(() => mentionsOf(compileRule(visibility), "LEDGER"))) return false;
    if (rights !== "former" && !gateOf(rights)(name)) return false;
    return ruleHolds(visibility, reader, ofReader({ identity: name, more: { LEDGER: () => authorView.values() } }));
  };
}

/** Decides which identities of the caller's own account a role permits. */
function ownIdentityGate(reader: Reader, actor: UserActor, twin: TwinFacts): (name: string) => boolean {
  const { identity: rule } = actor.rules;
  const mayTouch = once(() => mayAccessTwin(reader, actor, twin));
  const scopes = scopesOf(reader, actor, { twin, ledger: actor });
  return (name) => mayTouch() && (rule === null || ruleHolds(rule, reader, scopes({ identity: name })));
}
