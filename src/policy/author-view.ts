import { mayReadLedgers } from "../access/model/ledger-rights.ts";
import type { UserActor } from "../kernel/actor.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { once } from "../kernel/once.ts";
import type { Mentions } from "../rules/mentions.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { type Author, type AuthorRights, authorRights } from "./author.ts";
import { type Included, type LedgerAt, ledgerValues, ledgerWithValue, NULL, valuesOf } from "./ledger-values.ts";
import { isUnrestricted, ownGate, visibleValue } from "./own-gate.ts";
import { findEntryValue, listEntryValues } from "./rows.ts";
import type { TwinFacts } from "./scope.ts";
import { mayAccessTwin } from "./twin-gate.ts";

/**
 * What the author of a rule can see at present of their account's ledger on a twin. A rule whose author, or whose
 * author's role, is gone sees only the entry that it is about.
 */
export type AuthorView = {
  rights: AuthorRights;
  /** Whether the author may see the entry with its present value, or with a past one. */
  sees: (entry: Included, past?: JsonText) => boolean;
  valueFor: (entry: Included) => JsonText;
  /** `LEDGER` for the author's rules; with the entry that the rule is about, if there is one. */
  values: (entry?: Included) => JsonObject;
  /**
   * Whether a rule that mentions these entries may be evaluated: it could be used to probe for one hidden from its
   * author.
   */
  mayMention: (mentions: () => Mentions, entry?: Included) => boolean;
};

/**
 * Makes the views of the authors of one ledger's rules. The view without restrictions is computed once for all of them.
 */
export function authorViews(reader: Reader, twin: TwinFacts, accountId: string) {
  const known = new Map<string, AuthorView>();
  const whole = once(() =>
    ledgerValues(reader, twin.id, accountId, (entry) => visibleValue(reader, "former", accountId, entry)),
  );
  const open = (rights: AuthorRights): AuthorView => {
    if (rights === "none") return SEES_NOTHING;
    if (rights === "former") return formerAuthorView(reader, accountId);
    return isUnrestricted(rights) ? unrestrictedView(rights, reader, whole) : restrictedView(rights, reader, twin);
  };
  return (author: Author, caller?: UserActor): AuthorView => {
    const key = `${author.by} ${author.bound}`;
    const authorView = known.get(key) ?? open(authorRights(reader, author, caller));
    known.set(key, authorView);
    return authorView;
  };
}

const SEES_NOTHING: AuthorView = {
  rights: "none",
  sees: () => false,
  valueFor: () => NULL,
  values: () => ({}),
  mayMention: () => false,
};

function formerAuthorView(reader: Reader, accountId: string): AuthorView {
  const valueFor = (entry: Included) => visibleValue(reader, "former", accountId, entry);
  return {
    rights: "former",
    sees: () => true,
    valueFor,
    values: (entry) => (entry ? valuesOf([entry], valueFor) : {}),
    mayMention: (mentions, entry) => isWithin(mentions(), (name) => name === entry?.name),
  };
}

function unrestrictedView(rights: UserActor, reader: Reader, values: () => JsonObject): AuthorView {
  const mayRead = once(() => mayReadLedgers(rights));
  const valueFor = (entry: Included) => visibleValue(reader, rights, rights.accountId, entry);
  return {
    rights,
    sees: mayRead,
    valueFor,
    values,
    mayMention: (mentions) => mayRead() || isWithin(mentions(), () => false),
  };
}

function restrictedView(rights: UserActor, reader: Reader, twin: TwinFacts): AuthorView {
  const { accountId } = rights;
  const mayRead = once(() => mayReadLedgers(rights) && mayAccessTwin(reader, rights, twin));
  const gate = once(() => ownGate(reader, rights, twin));
  const whole = once(() => ledgerValues(reader, twin.id, accountId));
  const pasts = new Map<string, LedgerAt>();
  const pastOf = (name: string) => {
    const past = pasts.get(name) ?? ledgerWithValue(whole, name);
    pasts.set(name, past);
    return past;
  };
  const sees: AuthorView["sees"] = (entry, past) =>
    mayRead() && (past === undefined ? gate()(entry) : gate()(entry, () => past, pastOf(entry.name)(past)));
  const valueFor = (entry: Included) => visibleValue(reader, rights, accountId, entry);
  const seesNamed = (name: string) => sees(findEntryValue(reader, twin.id, accountId, name) ?? absentEntry(name));
  const isSeen = (mentions: Mentions) => mentions === "all" || isWithin(mentions, seesNamed);
  return {
    rights,
    sees,
    valueFor,
    values: once(() =>
      valuesOf(
        listEntryValues(reader, twin.id, accountId).filter((entry) => sees(entry)),
        valueFor,
      ),
    ),
    mayMention: (mentions) => (mayRead() ? isSeen(mentions()) : isWithin(mentions(), () => false)),
  };
}

const isWithin = (mentions: Mentions, allowed: (name: string) => boolean) =>
  mentions !== "all" && [...mentions].every(allowed);

const absentEntry = (name: string): Included => ({ name, type: "value", value: NULL, source: null, authors: null });
