import { type DomainError, invalid } from "../kernel/failure.ts";
import type { Code } from "./compile/code.ts";
import { compile } from "./compile/compile.ts";
import { parse } from "./syntax/parser.ts";
import { RuleError, RuleRefusal } from "./values/errors.ts";
import { newFrame, type RuleWorld, type Scope } from "./values/frame.ts";
import { RULES_CACHED_MAX, STEPS_MAX, TEXT_LENGTH_MAX } from "./values/limits.ts";
import { codePointLength } from "./values/text.ts";
import { isTruthy, type RuleValue } from "./values/values.ts";

export { RuleError } from "./values/errors.ts";
export type { RuleWorld, Scope } from "./values/frame.ts";
export type { RuleValue } from "./values/values.ts";

// The rule language of the specification's section 2.13: that of the Python package rule-engine 4.5.0, as observed. The
// service adds: a missing variable, an attribute or item of null and a missing key are null; any other error during
// evaluation makes the decision false.
//
// Different on purpose, and compared with in test/conformance/rules/test_rules.py:
//   - a key of a mapping takes precedence over an attribute of its name (`TWIN.length`), as the specification says
//   - an attribute named like a comprehension's variable is still an attribute (the package returns the variable)
//   - regular expressions are RE2's: see pattern.ts
//   - lone surrogates, and characters by name (`\N{…}`), cannot be written; a built-in that does not exist and steps,
//     depths and lengths beyond limits.ts are refused
//   - sets keep insertion order; Python's order changes from run to run
//   - a JSON number is the decimal of its double's notation, `1.0` is `1`; `nan` never equals itself
//   - encodings are those of codecs.ts; datetimes are stricter about digits (iso-datetime.ts)

declare const compiled: unique symbol;
/** A compiled rule. */
export type Rule = { readonly text: string; readonly [compiled]: true };

type Compiled = { readonly text: string; readonly code: Code; readonly variables: ReadonlySet<string> };

const cache = new Map<string, Compiled>();

/** Compiles a rule, or refuses it: invalid/"rule", with what is wrong and at which character, counted from 1. */
export function compileRule(text: string): Rule {
  const known = cache.get(text);
  if (known) {
    // Moves it to the end: the least recently used rule is evicted first.
    cache.delete(text);
    cache.set(text, known);
    return known as unknown as Rule;
  }
  const rule = compileText(text);
  cache.set(text, rule);
  if (cache.size > RULES_CACHED_MAX) cache.delete(cache.keys().next().value as string);
  return rule as unknown as Rule;
}

/** The context for evaluating constants; variables are never constant. */
const NOWHERE: RuleWorld = { now: 0, random: () => 0 };

function compileText(text: string): Compiled {
  if (text.length > 2 * TEXT_LENGTH_MAX || codePointLength(text) > TEXT_LENGTH_MAX) {
    throw invalid("rule", `The rule is longer than ${TEXT_LENGTH_MAX} characters.`);
  }
  if (!text.isWellFormed()) throw invalid("rule", "The rule is not well-formed text.");
  try {
    const shop = {
      variables: new Map<string, number>(),
      bindings: [],
      localCount: 0,
      frame: newFrame(() => undefined, NOWHERE),
    };
    const code = compile(parse(text), shop);
    return Object.freeze({ text, code, variables: new Set(shop.variables.keys()) });
  } catch (error) {
    if (error instanceof RuleRefusal) throw refusal(text, error);
    throw error;
  }
}

function refusal(text: string, { message, at }: RuleRefusal): DomainError {
  const character = codePointLength(text.slice(0, at)) + 1;
  return invalid("rule", `The rule does not compile: ${message} (at character ${character}).`);
}

/** The decision; any evaluation error counts as false. */
export function holds(rule: Rule, scope: Scope, world: RuleWorld): boolean {
  try {
    return isTruthy(evaluate(rule, scope, world));
  } catch (error) {
    if (error instanceof RuleError) return false;
    throw error;
  }
}

/** Names of the variables that the rule mentions, so that callers load only those. */
export const variablesOf = (rule: Rule): ReadonlySet<string> => (rule as unknown as Compiled).variables;

/** The value of the rule; throws a RuleError if evaluation fails. */
export function evaluate(rule: Rule, scope: Scope, world: RuleWorld): RuleValue {
  const frame = newFrame(scope, world);
  try {
    return (rule as unknown as Compiled).code.run(frame);
  } finally {
    if (world.budget) world.budget.stepsLeft -= STEPS_MAX - frame.stepsLeft;
  }
}
