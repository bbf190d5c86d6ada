import type { Json } from "../support/world.ts";
import type { Entry, Identity, Model, Person, Twin } from "./build-world.ts";
import { type Facts, holds, type Rule } from "./rule-pool.ts";

// Who sees what, in the words of the specification (1.11, 2.6 to 2.9, 2.13) and of our decisions, over plain data.

type About = { identity?: string; ledgerOf?: string; entry?: Entry; LEDGER: Entry[] };

/** What an entry comes to: an include reads through to the entry it means in the end, and has no value in a loop or without one. */
export function readThrough(model: Model, entry: Entry): { value: Json; changedAt: number } {
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

function factsOf(model: Model, person: Person, twin: Twin, { identity, ledgerOf, entry, LEDGER }: About): Facts {
  return {
    account: person.account,
    twin: twin.id,
    identity: identity ?? null,
    ledger: ledgerOf ?? null,
    entry_name: entry?.name ?? null,
    entry_value: entry ? readThrough(model, entry).value : null,
    USER: person.description,
    TWIN: twin.description,
    LEDGER: Object.fromEntries(LEDGER.map((other) => [other.name, readThrough(model, other).value])),
    DICT: person.dictionary,
    SECRET: person.secretDictionary,
  };
}

/** The role's twin rule, as far as it is one: without it a twin is for everybody who knows its id. */
export function seesTwin(model: Model, person: Person, twin: Twin): boolean {
  const { twin: rule } = person.rules;
  return rule === null || holds(rule, factsOf(model, person, twin, { LEDGER: ledgerOf(model, twin, person.account) }));
}

/** A scan's `match` sees the caller's ledger, by name too: of it what the role lets through, or it could be asked for the rest. */
export function matches(model: Model, person: Person, twin: Twin, match: Rule): boolean {
  const LEDGER = seenEntries(model, person, twin, person.account);
  return holds(match, factsOf(model, person, twin, { ledgerOf: person.account, LEDGER }));
}

export function seesIdentity(model: Model, person: Person, twin: Twin, identity: Identity): boolean {
  const { identity: rule } = person.rules;
  const allows = (asked: Rule, account: string) =>
    holds(asked, factsOf(model, person, twin, { identity: identity.name, LEDGER: ledgerOf(model, twin, account) }));
  if (identity.account === person.account) return rule === null || allows(rule, person.account);
  if (rule === null || identity.visibility === null) return false;
  return allows(identity.visibility, identity.account) && allows(rule, person.account);
}

/** Whether the role lets its user have an entry in the own ledger. `LEDGER` is as it was before it got there. */
export function mayHave(model: Model, person: Person, twin: Twin, entry: Entry): boolean {
  const { entry: rule } = person.rules;
  const LEDGER = ledgerOf(model, twin, person.account);
  return rule === null || holds(rule, factsOf(model, person, twin, { ledgerOf: person.account, entry, LEDGER }));
}

/** The entries of a ledger that somebody sees who sees the twin. */
export function seenEntries(model: Model, person: Person, twin: Twin, account: string): Entry[] {
  const { entry: rule, twin: twinRule } = person.rules;
  const all = ledgerOf(model, twin, account);
  const allows = (asked: Rule, entry: Entry, LEDGER: Entry[]) =>
    holds(asked, factsOf(model, person, twin, { ledgerOf: account, entry, LEDGER }));
  if (account === person.account) return all.filter((entry) => rule === null || allows(rule, entry, all));
  // Null rules give nothing of others; of a twin of one's own, no twin rule is needed.
  if (rule === null || (twinRule === null && twin.owner !== person.account)) return [];
  const visible = all.filter((entry) => entry.visibility !== null && allows(entry.visibility, entry, all));
  return visible.filter((entry) => allows(rule, entry, visible));
}

export const isExpired = (model: Model, { expiresAt }: Identity) => expiresAt !== null && expiresAt <= model.now;
