import { DomainError } from "../../src/kernel/failure.ts";
import { compileRule, holds, variablesOf } from "../../src/rules/rule.ts";
import { WORLD } from "./ask.ts";
import { type Chance, newChance } from "./chance.ts";
import { SCOPE, TYPES, typed } from "./expressions.ts";
import { mutated, soup, untyped } from "./untyped-expressions.ts";

const nested = (chance: Chance) => {
  const depth = 1 + chance.below(chance.one([10, 300, 2000]));
  return `${chance.one(["(", "[", "{", "-", "not ", "a[", "$abs(", "{1:", "a?", "a."]).repeat(depth)}1${chance.one([")", "]", "}", "", ":1"]).repeat(depth)}`;
};
const unicode = (chance: Chance) =>
  String.fromCodePoint(
    ...Array.from({ length: chance.below(20) }, () => chance.below(chance.one([0x80, 0x3000, 0x110000]))),
  );

const SOURCES: ((chance: Chance) => string)[] = [
  soup,
  soup,
  unicode,
  (chance) => mutated(chance, typed(chance, chance.one(TYPES), 1 + chance.below(3))),
  (chance) => mutated(chance, untyped(chance, 1 + chance.below(3))),
  (chance) => `${unicode(chance)}${soup(chance)}`,
];

/** Compiles and runs random texts; throws at the first that neither evaluates nor is refused. */
export function survives(seed: number, count: number): { compiled: number; refused: number } {
  const chance = newChance(seed);
  let refused = 0;
  for (let i = 0; i < count; i++) {
    const text = chance.maybe(0.005) ? nested(chance) : chance.one(SOURCES)(chance);
    try {
      const rule = compileRule(text);
      variablesOf(rule);
      holds(rule, (name) => SCOPE[name], WORLD);
    } catch (error) {
      if (!(error instanceof DomainError && error.failure.code === "invalid" && error.failure.kind === "rule")) {
        throw new Error(`seed ${seed}, input ${i}: ${JSON.stringify(text)}`, { cause: error });
      }
      refused++;
    }
  }
  return { compiled: count - refused, refused };
}
