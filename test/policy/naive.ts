import type { Json } from "../support/world/world.ts";
import type { Entry, Identity, Model, Person, Twin } from "./build-world.ts";
import { type Facts, holds, type Rule } from "./rule-pool.ts";

// Who sees what, by the specification (1.11, 2.6 to 2.9, 2.13) and our decisions, computed over plain data.

type Value = (entry: Entry) => Json;
type About = { identity?: string; ledgerOf?: string; entry?: Entry; LEDGER: Entry[]; value?: Value; SECRET?: null };

/**
 * What an entry resolves to: an include has the value of the entry at the end of its chain, and none in a loop or if
 * the chain breaks.
 */
function readThrough(model: Model, entry: Entry): { value: Json; changedAt: number } {
  const passed = new Set<Entry>();
  let at: Entry | undefined = entry;
  while (at?.kind === "include" && !passed.has(at)) {
    passed.add(at);
    const source: Entry["source"] = at.source;
    at = model.entries.find(
      (other) => other.twin === source?.twin && other.account === source.account && other.name === source.name,
    );
  }
  return at && at.kind !== "include" ? at : { value: null, changedAt: entry.createdAt };
}

export const ledgerOf = (model: Model, twin: Twin, account: string): Entry[] =>
  model.entries.filter((entry) => entry.twin === twin.id && entry.account === account);

/**
 * The same for one person: in the own account the role must permit every entry on the way. In another account the value
 * is what that account's super admin sees, who made it visible.
 */
export function seenThrough(model: Model, person: Person, entry: Entry): { value: Json; changedAt: number } {
  if (entry.account !== person.account) return readThrough(model, entry);
  return followed(model, person, entry, []) ?? { value: null, changedAt: entry.createdAt };
}

function followed(model: Model, person: Person, entry: Entry, passed: readonly Entry[]): Entry | undefined {
  if (entry.kind !== "include") return entry;
  const { source } = entry;
  const next = model.entries.find(
    (other) => other.twin === source?.twin && other.account === source.account && other.name === source.name,
  );
  const twin = next && model.twins.find(({ id }) => id === next.twin);
  if (!next || !twin || passed.includes(next) || !seesTwin(model, person, twin)) return undefined;
  const end = followed(model, person, next, [...passed, entry]);
  const { entry: rule } = person.rules;
  const seen: Entry = { ...next, kind: "value", value: end?.value ?? null };
  const about = { ledgerOf: person.account, entry: seen, LEDGER: ledgerOf(model, twin, person.account) };
  return rule === null || holds(rule, factsOf(model, person, twin, about)) ? end : undefined;
}

function factsOf(model: Model, person: Person, twin: Twin, about: About): Facts {
  const { identity, ledgerOf, entry, LEDGER, value = (other) => readThrough(model, other).value } = about;
  return {
    account: person.account,
    twin: twin.id,
    identity: identity ?? null,
    ledger: ledgerOf ?? null,
    entry_name: entry?.name ?? null,
    entry_value: entry ? seenThrough(model, person, entry).value : null,
    USER: person.description,
    TWIN: twin.description,
    LEDGER: Object.fromEntries(LEDGER.map((other) => [other.name, value(other)])),
    DICT: person.dictionary,
    SECRET: about.SECRET === null ? null : person.secretDictionary,
  };
}

/** The role's twin rule; without one, knowing the twin's id is enough. */
export function seesTwin(model: Model, person: Person, twin: Twin): boolean {
  const { twin: rule } = person.rules;
  return rule === null || holds(rule, factsOf(model, person, twin, { LEDGER: ledgerOf(model, twin, person.account) }));
}

/**
 * A scan's `match` sees of the caller's ledger only what the role permits, or it could be used to probe for the rest.
 * Nor does it see the token's secret dictionary, which the token's holder must not learn.
 */
export function matches(model: Model, person: Person, twin: Twin, match: Rule): boolean {
  const LEDGER = seenEntries(model, person, twin, person.account);
  const value = (entry: Entry) => seenThrough(model, person, entry).value;
  return holds(match, factsOf(model, person, twin, { ledgerOf: person.account, LEDGER, value, SECRET: null }));
}

export function seesIdentity(model: Model, person: Person, twin: Twin, identity: Identity): boolean {
  const { identity: rule } = person.rules;
  const allows = (asked: Rule, account: string) =>
    holds(asked, factsOf(model, person, twin, { identity: identity.name, LEDGER: ledgerOf(model, twin, account) }));
  if (identity.account === person.account) return rule === null || allows(rule, person.account);
  if (rule === null || identity.visibility === null) return false;
  return allows(identity.visibility, identity.account) && allows(rule, person.account);
}

/** Whether the role permits its user to put an entry into the own ledger. `LEDGER` is as it was before. */
export function mayHave(model: Model, person: Person, twin: Twin, entry: Entry): boolean {
  const { entry: rule } = person.rules;
  const LEDGER = ledgerOf(model, twin, person.account);
  return rule === null || holds(rule, factsOf(model, person, twin, { ledgerOf: person.account, entry, LEDGER }));
}

/** The entries of a ledger that are visible to a person who sees the twin. */
export function seenEntries(model: Model, person: Person, twin: Twin, account: string): Entry[] {
  const all = ledgerOf(model, twin, account);
  if (account === person.account) return all.filter((entry) => allowsOwn(model, person, twin, entry, all));
  const visible = visibleEntries(model, person, twin, account);
  return visible.filter((entry) => allowsForeign(model, person, twin, entry, visible));
}

/** Whether a person who sees an entry also sees a past value of it: in its ledger as it is, but for this entry. */
export function seesRecord(model: Model, person: Person, twin: Twin, entry: Entry, value: Json): boolean {
  const past = { ...entry, value };
  const withPast = (entries: Entry[]) => entries.map((other) => (other === entry ? past : other));
  const all = withPast(ledgerOf(model, twin, entry.account));
  if (entry.account === person.account) return allowsOwn(model, person, twin, past, all);
  const visible = withPast(visibleEntries(model, person, twin, entry.account));
  return isVisible(model, person, twin, past, all) && allowsForeign(model, person, twin, past, visible);
}

const holdsFor = (model: Model, person: Person, twin: Twin, rule: Rule, entry: Entry, LEDGER: Entry[]) =>
  holds(rule, factsOf(model, person, twin, { ledgerOf: entry.account, entry, LEDGER }));

const allowsOwn = (model: Model, person: Person, twin: Twin, entry: Entry, all: Entry[]) =>
  person.rules.entry === null || holdsFor(model, person, twin, person.rules.entry, entry, all);

const isVisible = (model: Model, person: Person, twin: Twin, entry: Entry, all: Entry[]) =>
  entry.visibility !== null && holdsFor(model, person, twin, entry.visibility, entry, all);

/** Without rules nothing of other accounts is permitted; for an own twin no twin rule is needed. */
const allowsForeign = (model: Model, person: Person, twin: Twin, entry: Entry, visible: Entry[]) =>
  person.rules.entry !== null &&
  (person.rules.twin !== null || twin.owner === person.account) &&
  holdsFor(model, person, twin, person.rules.entry, entry, visible);

function visibleEntries(model: Model, person: Person, twin: Twin, account: string): Entry[] {
  const all = ledgerOf(model, twin, account);
  return all.filter((entry) => isVisible(model, person, twin, entry, all));
}

export const isExpired = (model: Model, { expiresAt }: Identity) => expiresAt !== null && expiresAt <= model.now;
