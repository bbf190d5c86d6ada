import fc from "fast-check";
import type { Json } from "../support/world/world.ts";

// Small rules, each with its meaning written by hand: nothing here uses src/rules.

/** The variables that a rule sees (specification 2.13), null if there is none. */
export type Facts = {
  account: string;
  twin: string;
  identity: string | null;
  ledger: string | null;
  entry_name: string | null;
  entry_value: Json;
  USER: Json;
  TWIN: Json;
  LEDGER: Record<string, Json>;
  DICT: Json;
  SECRET: Json;
};

/** A rule's text and its meaning. `means` throws an EvaluationFails where the language has no value. */
export type Rule = { text: string; means: (facts: Facts) => boolean };

class EvaluationFails extends Error {}

const fails = (): never => {
  throw new EvaluationFails("the data types do not fit");
};

/** Errors during evaluation count as false. */
export function holds(rule: Rule, facts: Facts): boolean {
  try {
    return rule.means(facts);
  } catch (error) {
    if (error instanceof EvaluationFails) return false;
    throw error;
  }
}

const of = (container: Json, key: string) => container?.[key] ?? null;
const isAbove = (value: Json, limit: number) => (typeof value === "number" ? value > limit : fails());
const isIn = (item: Json, container: Json) => {
  if (Array.isArray(container)) return container.includes(item);
  if (typeof container === "string" && typeof item === "string") return container.includes(item);
  return fails();
};

const ATOMS: readonly Rule[] = [
  { text: "true", means: () => true },
  { text: "false", means: () => false },
  { text: "twin < 1", means: fails },
  { text: "account == TWIN.friend", means: ({ account, TWIN }) => account === of(TWIN, "friend") },
  { text: "account == ledger", means: ({ account, ledger }) => account === ledger },
  { text: "twin == USER.home", means: ({ twin, USER }) => twin === of(USER, "home") },
  { text: "twin != USER.home", means: ({ twin, USER }) => twin !== of(USER, "home") },
  { text: "TWIN.kind == 'cat'", means: ({ TWIN }) => of(TWIN, "kind") === "cat" },
  { text: "TWIN.kind == USER.kind", means: ({ TWIN, USER }) => of(TWIN, "kind") === of(USER, "kind") },
  { text: "TWIN == null", means: ({ TWIN }) => TWIN === null },
  { text: "USER.level > 1", means: ({ USER }) => isAbove(of(USER, "level"), 1) },
  { text: "identity == 'RFID#1'", means: ({ identity }) => identity === "RFID#1" },
  { text: "identity =~ 'RFID'", means: ({ identity }) => identity?.startsWith("RFID") ?? false },
  { text: "identity == null", means: ({ identity }) => identity === null },
  { text: "entry_name == 'a'", means: ({ entry_name }) => entry_name === "a" },
  { text: "entry_name != 'b'", means: ({ entry_name }) => entry_name !== "b" },
  { text: "entry_name in LEDGER.c", means: ({ entry_name, LEDGER }) => isIn(entry_name, of(LEDGER, "c")) },
  { text: "entry_value == 1", means: ({ entry_value }) => entry_value === 1 },
  { text: "entry_value > 1", means: ({ entry_value }) => isAbove(entry_value, 1) },
  { text: "entry_value == null", means: ({ entry_value }) => entry_value === null },
  { text: "ledger == null", means: ({ ledger }) => ledger === null },
  { text: "LEDGER.a == 1", means: ({ LEDGER }) => of(LEDGER, "a") === 1 },
  { text: "LEDGER.b > 1", means: ({ LEDGER }) => isAbove(of(LEDGER, "b"), 1) },
  { text: "'b' in LEDGER", means: ({ LEDGER }) => Object.hasOwn(LEDGER, "b") },
  { text: "LEDGER.d == LEDGER.a", means: ({ LEDGER }) => isSame(of(LEDGER, "d"), of(LEDGER, "a")) },
  { text: "DICT.k == 1", means: ({ DICT }) => of(DICT, "k") === 1 },
  { text: "DICT == null", means: ({ DICT }) => DICT === null },
  { text: "SECRET.k == 1", means: ({ SECRET }) => of(SECRET, "k") === 1 },
];

const isSame = (a: Json, b: Json) => JSON.stringify(a) === JSON.stringify(b);

const not = (rule: Rule): Rule => ({ text: `not (${rule.text})`, means: (facts) => !rule.means(facts) });
const and = (a: Rule, b: Rule): Rule => ({
  text: `(${a.text}) and (${b.text})`,
  means: (facts) => a.means(facts) && b.means(facts),
});
const or = (a: Rule, b: Rule): Rule => ({
  text: `(${a.text}) or (${b.text})`,
  means: (facts) => a.means(facts) || b.means(facts),
});

/** The kind of thing that a rule is about decides which variables it sees. */
type Kind = "twin" | "identity" | "entry";

const FOREIGN_TO: Record<Kind, RegExp> = { twin: /identity|entry_/, identity: /entry_/, entry: /identity/ };

const TRUE = ATOMS[0] as Rule;
const anyAtom = fc.constantFrom(...ATOMS);

/**
 * Mostly rules that make sense for the kind, and many that permit everything, so that later checks are exercised too.
 */
function ruleOf(kind: Kind): fc.Arbitrary<Rule> {
  const sensible = ATOMS.filter(({ text }) => !FOREIGN_TO[kind].test(text));
  const atom = fc.constantFrom(...sensible);
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(TRUE) },
    { weight: 4, arbitrary: atom },
    { weight: 4, arbitrary: fc.constantFrom(...sensible.filter(({ text }) => /LEDGER|entry_value/.test(text))) },
    { weight: 1, arbitrary: anyAtom },
    { weight: 1, arbitrary: atom.map(not) },
    { weight: 1, arbitrary: fc.tuple(atom, anyAtom).map(([a, b]) => and(a, b)) },
    { weight: 1, arbitrary: fc.tuple(anyAtom, atom).map(([a, b]) => or(a, b)) },
  );
}

/** Null in `nulls` of eight cases. */
export const ruleOrNull = (kind: Kind, nulls: number): fc.Arbitrary<Rule | null> =>
  fc.oneof({ weight: nulls, arbitrary: fc.constant(null) }, { weight: 8 - nulls, arbitrary: ruleOf(kind) });

const TELLING: Record<Kind, RegExp> = { twin: /TWIN.kind/, identity: /identity/, entry: /entry_value/ };

/** A rule that permits some things of a kind and not others, depending on what writes change. */
export const tellingRule = (kind: Kind): fc.Arbitrary<Rule> => {
  const atom = fc.constantFrom(...ATOMS.filter(({ text }) => TELLING[kind].test(text)));
  const sensible = ATOMS.filter(({ text }) => !FOREIGN_TO[kind].test(text));
  return fc.oneof(atom, atom.map(not), fc.constantFrom(...sensible));
};
