import { isDeepStrictEqual } from "node:util";
import type { RoleRules, Statement } from "../../kernel/actor.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { mentionsOf } from "../../rules/mentions.ts";
import { compileRule } from "../../rules/rule.ts";
import { isWithin } from "./statement.ts";

/**
 * What the maker of a credential held when they made it, and so the most that the credential may ever come to. It is kept with the
 * credential: what the user is given later was not given to whoever else may hold it. Null stands for everything.
 */
export type Ceiling = { statement: Statement; rules: RoleRules; user: Seen | null };

/** What the maker's rules read of the maker's description: those keys (null: any of them), with their values. */
export type Seen = { keys: string[] | null; values: JsonObject };

const RULE_KINDS = ["twin", "identity", "entry"] as const;

export function ceilingFrom(statement: Statement, rules: RoleRules, user: Seen | null): Ceiling | null {
  const isEverything = isWithin(EVERYTHING, statement) && RULE_KINDS.every((kind) => rules[kind] === null);
  return isEverything ? null : { statement, rules, user };
}

const EVERYTHING: Statement = { effect: "deny", actions: null };

/** Whether a user with this role and description would have more than the ceiling leaves, in operations or by rules. */
export const exceeds = (
  ceiling: Ceiling,
  role: { statement: Statement; rules: RoleRules },
  description: JsonObject | null,
): boolean => !isWithin(role.statement, ceiling.statement) || exceedsRules(ceiling, role.rules, description);

/** Whether one rule lets through less than another cannot be computed: a rule has to stay the same text, and see the same user. */
export const exceedsRules = (ceiling: Ceiling, rules: RoleRules, description: JsonObject | null): boolean =>
  RULE_KINDS.some((kind) => ceiling.rules[kind] !== null && rules[kind] !== ceiling.rules[kind]) ||
  !agrees(ceiling.user, description);

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
export function seenBy(rules: RoleRules, description: JsonObject | null): Seen | null {
  const read = RULE_KINDS.map((kind) => rules[kind])
    .filter((rule) => rule !== null)
    .map((rule) => mentionsOf(compileRule(rule), "USER"));
  const keys = read.includes("all") ? null : [...new Set(read.flatMap((some) => [...some]))].sort();
  return keys?.length === 0 ? null : { keys, values: pick(description, keys) };
}

/** Whether those rules would take a user with this description for the one that was seen. */
export const agrees = (seen: Seen | null, description: JsonObject | null): boolean =>
  seen === null || isDeepStrictEqual(pick(description, seen.keys), seen.values);

/** A rule can tell a missing key from one that is null. */
const pick = (description: JsonObject | null, keys: string[] | null): JsonObject =>
  Object.fromEntries(Object.entries(description ?? {}).filter(([key]) => keys === null || keys.includes(key)));
