import { mayAskLedgers } from "../access/model/ledger-rights.ts";
import type { UserActor } from "../kernel/actor.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { once } from "../kernel/once.ts";
import type { Mentions } from "../rules/mentions.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { type Author, type Standing, standingOf } from "./author.ts";
import { type Included, type LedgerAt, ledgerValues, ledgerWith, NULL, valuesOf } from "./ledger-values.ts";
import { isUnbound, ownGate, valueSeen } from "./own-gate.ts";
import { findEntryValue, listEntryValues } from "./rows.ts";
import type { TwinFacts } from "./scope.ts";
import { mayTouchTwin } from "./twin-gate.ts";

/**
 * What the author of a rule can see at present of their account's ledger on a twin. A rule whose author, or whose
 * author's role, is gone sees only the entry that it is about.
 */
export type Eyes = {
  standing: Standing;
  /** Whether the author may see the entry with its present value, or with a past one. */
  sees: (entry: Included, past?: JsonText) => boolean;
  valueFor: (entry: Included) => JsonText;
  /** `LEDGER` for the author's rules; with the entry that the rule is about, if there is one. */
  values: (entry?: Included) => JsonObject;
  /**
   * Whether a rule that mentions these entries may be evaluated: it could be used to probe for one hidden from its
   * author.
   */
  mayName: (mentions: () => Mentions, entry?: Included) => boolean;
};

/**
 * Makes the views of the authors of one ledger's rules. The view without restrictions is computed once for all of them.
 */
export function eyesOn(reader: Reader, twin: TwinFacts, accountId: string) {
  const known = new Map<string, Eyes>();
  const whole = once(() =>
    ledgerValues(reader, twin.id, accountId, (entry) => valueSeen(reader, "former", accountId, entry)),
  );
  const open = (standing: Standing): Eyes => {
    if (standing === "none") return BLIND;
    if (standing === "former") return formerEyes(reader, accountId);
    return isUnbound(standing) ? openEyes(standing, reader, whole) : boundEyes(standing, reader, twin);
  };
  return (author: Author, caller?: UserActor): Eyes => {
    const key = `${author.by} ${author.bound}`;
    const eyes = known.get(key) ?? open(standingOf(reader, author, caller));
    known.set(key, eyes);
    return eyes;
  };
}

const BLIND: Eyes = {
  standing: "none",
  sees: () => false,
  valueFor: () => NULL,
  values: () => ({}),
  mayName: () => false,
};

function formerEyes(reader: Reader, accountId: string): Eyes {
  const valueFor = (entry: Included) => valueSeen(reader, "former", accountId, entry);
  return {
    standing: "former",
    sees: () => true,
    valueFor,
    values: (entry) => (entry ? valuesOf([entry], valueFor) : {}),
    mayName: (mentions, entry) => isWithin(mentions(), (name) => name === entry?.name),
  };
}

function openEyes(standing: UserActor, reader: Reader, values: () => JsonObject): Eyes {
  const mayLook = once(() => mayAskLedgers(standing));
  const valueFor = (entry: Included) => valueSeen(reader, standing, standing.accountId, entry);
  return {
    standing,
    sees: mayLook,
    valueFor,
    values,
    mayName: (mentions) => mayLook() || isWithin(mentions(), () => false),
  };
}

function boundEyes(standing: UserActor, reader: Reader, twin: TwinFacts): Eyes {
  const { accountId } = standing;
  const mayLook = once(() => mayAskLedgers(standing) && mayTouchTwin(reader, standing, twin));
  const gate = once(() => ownGate(reader, standing, twin));
  const whole = once(() => ledgerValues(reader, twin.id, accountId));
  const pasts = new Map<string, LedgerAt>();
  const pastOf = (name: string) => {
    const past = pasts.get(name) ?? ledgerWith(whole, name);
    pasts.set(name, past);
    return past;
  };
  const sees: Eyes["sees"] = (entry, past) =>
    mayLook() && (past === undefined ? gate()(entry) : gate()(entry, () => past, pastOf(entry.name)(past)));
  const valueFor = (entry: Included) => valueSeen(reader, standing, accountId, entry);
  const seesNamed = (name: string) => sees(findEntryValue(reader, twin.id, accountId, name) ?? absentEntry(name));
  const isSeen = (mentions: Mentions) => mentions === "all" || isWithin(mentions, seesNamed);
  return {
    ...{ standing, sees, valueFor },
    values: once(() =>
      valuesOf(
        listEntryValues(reader, twin.id, accountId).filter((entry) => sees(entry)),
        valueFor,
      ),
    ),
    mayName: (mentions) => (mayLook() ? isSeen(mentions()) : isWithin(mentions(), () => false)),
  };
}

const isWithin = (mentions: Mentions, allowed: (name: string) => boolean) =>
  mentions !== "all" && [...mentions].every(allowed);

const absentEntry = (name: string): Included => ({ name, type: "value", value: NULL, source: null, authors: null });
