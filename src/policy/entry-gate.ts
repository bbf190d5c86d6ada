import type { UserActor } from "../kernel/actor.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { once } from "../kernel/once.ts";
import { mentionsOf } from "../rules/mentions.ts";
import { compileRule, variablesOf } from "../rules/rule.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { type Standing, UNKNOWN_AUTHOR } from "./author.ts";
import { eyesOn } from "./eyes.ts";
import { type Included, type LedgerAt, ledgerValues, ledgerWith, valuesOf } from "./ledger-values.ts";
import { ownGate, valueSeen } from "./own-gate.ts";
import { type Authors, listEntryValues } from "./rows.ts";
import { ruleHolds, type Subject, scopesOf, type TwinFacts } from "./scope.ts";
import { mayReachTwin } from "./twin-gate.ts";

/** An entry as far as rules look. */
export type EntryFacts = {
  name: string;
  value: JsonText;
  type: string;
  source: { twinId: string; name: string } | null;
  visibility: string | null;
  authors: Authors | null;
};

/** A ledger and how to get at its entries. */
type LedgerFacts = { twin: TwinFacts; accountId: string; all: () => readonly EntryFacts[] };

/** What a caller sees of a ledger's entries. */
export type EntryGate = {
  touches: (entry: EntryFacts) => boolean;
  /** With whose rights the source of an include is read that the caller may touch: the caller's; of a foreign one its author's, who showed it. */
  standingOver: (entry: EntryFacts) => Standing;
  /** Tells which values that an entry has had the caller may see; undefined if all, because no rule asks for a value. */
  recordsOf: (entry: EntryFacts) => ((value: JsonText) => boolean) | undefined;
};

/** Tells which of a ledger's entries the caller may touch, and what of them. */
export function entryGate(reader: Reader, actor: UserActor, ledger: LedgerFacts): EntryGate {
  if (ledger.accountId === actor.accountId) return gateOfOwn(reader, actor, ledger.twin);
  const { entry: rule } = actor.rules;
  const isOpen = rule !== null && mayReachTwin(reader, actor, ledger.twin);
  return isOpen ? gateOfForeign(reader, actor, rule, ledger) : CLOSED;
}

const CLOSED: EntryGate = { touches: () => false, standingOver: () => "nobody", recordsOf: () => () => false };

/** That of an own ledger whose users no rule binds. */
export const openGate = (actor: UserActor): EntryGate => ({
  touches: () => true,
  standingOver: () => actor,
  recordsOf: () => undefined,
});

function gateOfOwn(reader: Reader, actor: UserActor, twin: TwinFacts): EntryGate {
  const { accountId, rules } = actor;
  const letsThrough = ownGate(reader, actor, twin);
  return {
    touches: (entry) => letsThrough(entry),
    standingOver: () => actor,
    recordsOf: (entry) => {
      if (!asksForValue(rules.entry, entry.name)) return undefined;
      const withValue = ledgerWith(() => ledgerValues(reader, twin.id, accountId), entry.name);
      return (value) => letsThrough(entry, () => value, withValue(value));
    },
  };
}

/** Of another account's ledger it takes the visibility that one of that account set, and the rule of the caller's role. */
function gateOfForeign(
  reader: Reader,
  actor: UserActor,
  rule: string,
  { twin, accountId, all }: LedgerFacts,
): EntryGate {
  const eyesOf = eyesOn(reader, twin, accountId);
  const authorOf = ({ authors }: EntryFacts) => eyesOf(authors?.visibility ?? UNKNOWN_AUTHOR);
  const ofReader = scopesOf(reader, actor, { twin, ledger: { accountId } });
  const isVisible = (entry: EntryFacts, record?: Record): boolean => {
    const { name, visibility } = entry;
    if (visibility === null) return false;
    const eyes = authorOf(entry);
    if (!eyes.sees(entry, record?.value)) return false;
    if (!eyes.mayName(() => mentionsOf(compileRule(visibility), "LEDGER"), entry)) return false;
    const value = () => record?.value ?? eyes.valueFor(entry);
    const more = record?.ledger ?? { LEDGER: () => eyes.values(entry) };
    return ruleHolds(visibility, reader, ofReader({ entry: { name, value }, more }));
  };
  const valueFor = (entry: EntryFacts) => authorOf(entry).valueFor(entry);
  // The role's rule is the caller's, who must not learn from it what the other account keeps private.
  const values = once(() =>
    valuesOf(
      all().filter((entry) => isVisible(entry)),
      valueFor,
    ),
  );
  const ofVisible = scopesOf(reader, actor, { twin, ledger: { accountId, values } });
  return {
    touches: (entry) =>
      isVisible(entry) &&
      ruleHolds(rule, reader, ofVisible({ entry: { name: entry.name, value: () => valueFor(entry) } })),
    standingOver: (entry) => authorOf(entry).standing,
    recordsOf: (entry) => {
      const { name, visibility } = entry;
      const eyes = authorOf(entry);
      const ofAuthor = typeof eyes.standing === "string" ? null : eyes.standing.rules.entry;
      if (![rule, visibility, ofAuthor].some((text) => asksForValue(text, name))) return undefined;
      const seenByAuthor = ledgerWith(() => eyes.values(entry), name);
      const seenByReader = ledgerWith(values, name);
      return (value) =>
        isVisible(entry, { value, ledger: seenByAuthor(value) }) &&
        ruleHolds(rule, reader, ofVisible({ entry: { name, value: () => value }, more: seenByReader(value) }));
    },
  };
}

/** A value that an entry has had, and the ledger with it. */
type Record = { value: JsonText; ledger: ReturnType<LedgerAt> };

/** Whether it matters to a rule which value an entry of this name has. */
function asksForValue(text: string | null, name: string): boolean {
  if (text === null) return false;
  const rule = compileRule(text);
  const mentions = mentionsOf(rule, "LEDGER");
  return variablesOf(rule).has("entry_value") || mentions === "all" || mentions.has(name);
}

/**
 * The caller's own ledger as the caller's own questions see it, a scan's `match` or a condition: only what the role lets through, or
 * they could be used to ask for the rest.
 */
export function ledgerOfCaller(reader: Reader, actor: UserActor, twin: TwinFacts): Subject["ledger"] {
  const { accountId, rules } = actor;
  const valueFor = (entry: Included) => valueSeen(reader, actor, accountId, entry);
  if (rules.entry === null) return { accountId, values: () => ledgerValues(reader, twin.id, accountId, valueFor) };
  const letsThrough = ownGate(reader, actor, twin);
  const touchable = () => listEntryValues(reader, twin.id, accountId).filter((entry) => letsThrough(entry));
  return { accountId, values: () => valuesOf(touchable(), valueFor) };
}
