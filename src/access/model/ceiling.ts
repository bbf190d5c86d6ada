import { isDeepStrictEqual } from "node:util";
import type { RoleRules, Statement } from "../../kernel/actor.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { mentionsOf } from "../../rules/mentions.ts";
import { compileRule } from "../../rules/rule.ts";
import { isWithin } from "./statement.ts";

/**
 * The rights its maker held when a credential was made: the most that the credential may ever permit. Stored with the
 * credential, because rights that the user gains later must not go to other holders of the credential, such as its
 * maker. Null means everything.
 */
export type Ceiling = { statement: Statement; rules: RoleRules; user: ObservedUser | null };

/** What the maker's rules read of the maker's description: the keys (null: all of them) and their values. */
export type ObservedUser = { keys: string[] | null; values: JsonObject };

const RULE_KINDS = ["twin", "identity", "entry"] as const;

export function ceilingFrom(statement: Statement, rules: RoleRules, user: ObservedUser | null): Ceiling | null {
  const isEverything = isWithin(EVERYTHING, statement) && RULE_KINDS.every((kind) => rules[kind] === null);
  return isEverything ? null : { statement, rules, user };
}

const EVERYTHING: Statement = { effect: "deny", actions: null };

/**
 * Whether a user with this role and description would have more rights than the ceiling allows, by operations or by
 * rules.
 */
export const exceeds = (
  ceiling: Ceiling,
  role: { statement: Statement; rules: RoleRules },
  description: JsonObject | null,
): boolean => !isWithin(role.statement, ceiling.statement) || exceedsRules(ceiling, role.rules, description);

/**
 * Whether one rule permits less than another cannot be computed. So the rule's text has to stay the same, and the parts
 * of the user that it reads.
 */
export const exceedsRules = (ceiling: Ceiling, rules: RoleRules, description: JsonObject | null): boolean =>
  RULE_KINDS.some((kind) => ceiling.rules[kind] !== null && rules[kind] !== ceiling.rules[kind]) ||
  !hasSameRuleInputs(ceiling.user, description);

/** What both statements permit. */
export function intersect(a: Statement, b: Statement): Statement {
  if (isWithin(a, b)) return a;
  if (isWithin(b, a)) return b;
  const [one, other] = [new Set(a.actions), new Set(b.actions)];
  if (a.effect === "deny" && b.effect === "deny") return { effect: "deny", actions: [...one.union(other)] };
  if (a.effect === "allow" && b.effect === "allow") return { effect: "allow", actions: [...one.intersection(other)] };
  return { effect: "allow", actions: [...(a.effect === "allow" ? one.difference(other) : other.difference(one))] };
}

/** What these rules read of a user with this description; null if they read nothing of the user. */
export function observedUser(rules: RoleRules, description: JsonObject | null): ObservedUser | null {
  const read = RULE_KINDS.map((kind) => rules[kind])
    .filter((rule) => rule !== null)
    .map((rule) => mentionsOf(compileRule(rule), "USER"));
  const keys = read.includes("all") ? null : [...new Set(read.flatMap((some) => [...some]))].sort();
  return keys?.length === 0 ? null : { keys, values: pick(description, keys) };
}

/** Whether those rules read the same values from this description as from the recorded one. */
export const hasSameRuleInputs = (seen: ObservedUser | null, description: JsonObject | null): boolean =>
  seen === null || isDeepStrictEqual(pick(description, seen.keys), seen.values);

/** Leaves missing keys out: a rule can tell a missing key from a null. */
const pick = (description: JsonObject | null, keys: string[] | null): JsonObject =>
  Object.fromEntries(Object.entries(description ?? {}).filter(([key]) => keys === null || keys.includes(key)));
