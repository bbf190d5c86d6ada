import type { UserActor } from "../kernel/actor.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { once } from "../kernel/once.ts";
import { mentionsOf } from "../rules/mentions.ts";
import { compileRule, variablesOf } from "../rules/rule.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { type AuthorRights, UNKNOWN_AUTHOR } from "./author.ts";
import { authorViews } from "./author-view.ts";
import { type Included, type LedgerAt, ledgerValues, ledgerWithValue, valuesOf } from "./ledger-values.ts";
import { ownGate, visibleValue } from "./own-gate.ts";
import { type Authors, listEntryValues } from "./rows.ts";
import { ruleHolds, type Subject, scopesOf, type TwinFacts } from "./scope.ts";
import { mayReachTwin } from "./twin-gate.ts";

/** The part of an entry that rules read. */
export type EntryFacts = {
  name: string;
  value: JsonText;
  type: string;
  source: { twinId: string; name: string } | null;
  visibility: string | null;
  authors: Authors | null;
};

/** A ledger and how to read its entries. */
type LedgerFacts = { twin: TwinFacts; accountId: string; all: () => readonly EntryFacts[] };

/** What a caller sees of a ledger's entries. */
export type EntryGate = {
  mayAccess: (entry: EntryFacts) => boolean;
  /**
   * The rights with which the source of an accessible include is read: the caller's; for a foreign include its
   * author's, who shared it.
   */
  rightsFor: (entry: EntryFacts) => AuthorRights;
  /**
   * Returns a predicate for the past values of an entry that the caller may see; undefined if all, because no rule
   * reads the value.
   */
  recordsOf: (entry: EntryFacts) => ((value: JsonText) => boolean) | undefined;
};

/** Decides which of a ledger's entries the caller may access, and how much of each. */
export function entryGate(reader: Reader, actor: UserActor, ledger: LedgerFacts): EntryGate {
  if (ledger.accountId === actor.accountId) return gateOfOwn(reader, actor, ledger.twin);
  const { entry: rule } = actor.rules;
  const isOpen = rule !== null && mayReachTwin(reader, actor, ledger.twin);
  return isOpen ? gateOfForeign(reader, actor, rule, ledger) : CLOSED;
}

const CLOSED: EntryGate = { mayAccess: () => false, rightsFor: () => "none", recordsOf: () => () => false };

/** The gate of an own ledger for users whom no rule binds. */
export const openGate = (actor: UserActor): EntryGate => ({
  mayAccess: () => true,
  rightsFor: () => actor,
  recordsOf: () => undefined,
});

function gateOfOwn(reader: Reader, actor: UserActor, twin: TwinFacts): EntryGate {
  const { accountId, rules } = actor;
  const permitsEntry = ownGate(reader, actor, twin);
  return {
    mayAccess: (entry) => permitsEntry(entry),
    rightsFor: () => actor,
    recordsOf: (entry) => {
      if (!asksForValue(rules.entry, entry.name)) return undefined;
      const withValue = ledgerWithValue(() => ledgerValues(reader, twin.id, accountId), entry.name);
      return (value) => permitsEntry(entry, () => value, withValue(value));
    },
  };
}

/** A foreign ledger needs the visibility that a user of its account set, and the entry rule of the caller's role. */
function gateOfForeign(
  reader: Reader,
  actor: UserActor,
  rule: string,
  { twin, accountId, all }: LedgerFacts,
): EntryGate {
  const authorViewOf = authorViews(reader, twin, accountId);
  const viewFor = ({ authors }: EntryFacts) => authorViewOf(authors?.visibility ?? UNKNOWN_AUTHOR);
  const ofReader = scopesOf(reader, actor, { twin, ledger: { accountId } });
  const isVisible = (entry: EntryFacts, record?: Record): boolean => {
    const { name, visibility } = entry;
    if (visibility === null) return false;
    const authorView = viewFor(entry);
    if (!authorView.sees(entry, record?.value)) return false;
    if (!authorView.mayMention(() => mentionsOf(compileRule(visibility), "LEDGER"), entry)) return false;
    const value = () => record?.value ?? authorView.valueFor(entry);
    const more = record?.ledger ?? { LEDGER: () => authorView.values(entry) };
    return ruleHolds(visibility, reader, ofReader({ entry: { name, value }, more }));
  };
  const valueFor = (entry: EntryFacts) => viewFor(entry).valueFor(entry);
  // The role's rule belongs to the caller, who must not learn from it what the other account keeps private.
  const values = once(() =>
    valuesOf(
      all().filter((entry) => isVisible(entry)),
      valueFor,
    ),
  );
  const ofVisible = scopesOf(reader, actor, { twin, ledger: { accountId, values } });
  return {
    mayAccess: (entry) =>
      isVisible(entry) &&
      ruleHolds(rule, reader, ofVisible({ entry: { name: entry.name, value: () => valueFor(entry) } })),
    rightsFor: (entry) => viewFor(entry).rights,
    recordsOf: (entry) => {
      const { name, visibility } = entry;
      const authorView = viewFor(entry);
      const ofAuthor = typeof authorView.rights === "string" ? null : authorView.rights.rules.entry;
      if (![rule, visibility, ofAuthor].some((text) => asksForValue(text, name))) return undefined;
      const seenByAuthor = ledgerWithValue(() => authorView.values(entry), name);
      const seenByReader = ledgerWithValue(values, name);
      return (value) =>
        isVisible(entry, { value, ledger: seenByAuthor(value) }) &&
        ruleHolds(rule, reader, ofVisible({ entry: { name, value: () => value }, more: seenByReader(value) }));
    },
  };
}

/** A past value of an entry, and the ledger as it was with it. */
type Record = { value: JsonText; ledger: ReturnType<LedgerAt> };

/** Whether a rule's result depends on the value of the entry with this name. */
function asksForValue(text: string | null, name: string): boolean {
  if (text === null) return false;
  const rule = compileRule(text);
  const mentions = mentionsOf(rule, "LEDGER");
  return variablesOf(rule).has("entry_value") || mentions === "all" || mentions.has(name);
}

/**
 * The caller's own ledger as seen by rules in the caller's requests (a scan's `match`, a condition): only what the role
 * permits, or those rules could be used to probe for the rest.
 */
export function ledgerOfCaller(reader: Reader, actor: UserActor, twin: TwinFacts): Subject["ledger"] {
  const { accountId, rules } = actor;
  const valueFor = (entry: Included) => visibleValue(reader, actor, accountId, entry);
  if (rules.entry === null) return { accountId, values: () => ledgerValues(reader, twin.id, accountId, valueFor) };
  const permitsEntry = ownGate(reader, actor, twin);
  const accessible = () => listEntryValues(reader, twin.id, accountId).filter((entry) => permitsEntry(entry));
  return { accountId, values: () => valuesOf(accessible(), valueFor) };
}
