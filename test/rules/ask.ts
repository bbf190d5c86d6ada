import { DomainError } from "../../src/kernel/failure.ts";
import type { JsonObject, JsonValue } from "../../src/kernel/json.ts";
import { compileRule, evaluate, holds, RuleError, type RuleWorld } from "../../src/rules/rule.ts";
import { SCOPE } from "./expressions.ts";
import { toWire } from "./wire-value.ts";

export const WORLD: RuleWorld = { now: 1_763_990_500_125, random: () => 0.5 };

const scopeOf = (variables: JsonObject) => (name: string) =>
  Object.hasOwn(variables, name) ? variables[name] : undefined;

/** The decision of a rule. */
export const decide = (text: string, variables: JsonObject = SCOPE): boolean =>
  holds(compileRule(text), scopeOf(variables), WORLD);

/** The value of a rule as plain JSON: numbers as they are written, sets and arrays as arrays. */
export function value(text: string, variables: JsonObject = SCOPE): JsonValue {
  return plain(toWire(evaluate(compileRule(text), scopeOf(variables), WORLD)));
}

function plain(wire: JsonValue): JsonValue {
  if (!Array.isArray(wire)) return wire;
  const [kind, ...rest] = wire;
  if (kind === "number") return Number.isFinite(Number(rest[0])) ? Number(rest[0]) : (rest[0] as string);
  if (kind === "text") return rest[0] as string;
  if (kind === "array") return rest.map(plain);
  if (kind === "set") return rest.map((member) => plain(JSON.parse(member as string)));
  return wire;
}

/** The error of a rule whose evaluation fails. */
export function failure(text: string, variables: JsonObject = SCOPE): string {
  try {
    evaluate(compileRule(text), scopeOf(variables), WORLD);
  } catch (error) {
    if (error instanceof RuleError) return error.message;
    throw error;
  }
  throw new Error(`${text} has a value`);
}

/** The refusal of a text that is not a rule. */
export function refusal(text: string): string {
  try {
    compileRule(text);
  } catch (error) {
    if (error instanceof DomainError && error.failure.code === "invalid" && error.failure.kind === "rule") {
      return error.message;
    }
    throw error;
  }
  throw new Error(`${text} compiles`);
}
