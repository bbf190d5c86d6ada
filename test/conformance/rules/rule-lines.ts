import { DomainError } from "../../../src/kernel/failure.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";
import { compileRule, evaluate, RuleError } from "../../../src/rules/rule.ts";
import { newChance } from "../../rules/chance.ts";
import { SCOPE, TYPES, typed } from "../../rules/expressions.ts";
import { matching } from "../../rules/pattern-expressions.ts";
import { mutated, untyped } from "../../rules/untyped-expressions.ts";
import { toWire } from "../../rules/wire-value.ts";

// `bun test/conformance/rules/rule-lines.ts SEED COUNT` prints the scope as a line of JSON, then COUNT random rules with
// their results here, one per line. Rules on standard input, one per line, come first. test_rules.py reads it.

const [seed = "1", count = "1000"] = process.argv.slice(2);
const chance = newChance(Number(seed));
const world = { now: 1_763_990_500_125, random: () => 0.5 };

function outcome(text: string): { value: JsonValue } | { error: string } {
  try {
    return { value: toWire(evaluate(compileRule(text), (name) => SCOPE[name], world)) };
  } catch (error) {
    if (error instanceof RuleError || error instanceof DomainError) return { error: error.message };
    throw error;
  }
}

const print = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);

print(SCOPE);
const given = (await Bun.stdin.text()).split("\n").filter((line) => line !== "");
for (const text of given) print({ text: JSON.parse(text), ...outcome(JSON.parse(text)) });
for (let i = 0; i < Number(count); i++) {
  const depth = 1 + chance.below(4);
  if (chance.maybe(0.2)) {
    const text = matching(chance);
    print({ text, ...outcome(text) });
    continue;
  }
  const whole = chance.maybe(0.75) ? typed(chance, chance.one(TYPES), depth) : untyped(chance, depth);
  const text = chance.maybe(0.2) ? mutated(chance, whole) : whole;
  print({ text, ...outcome(text) });
}
