import { expect, test } from "bun:test";
import { Decimal as Big } from "decimal.js";
import fc from "fast-check";
import { add, divide, floorDivide, multiply, remainder, subtract } from "../../src/rules/values/arithmetic.ts";
import { compareNumbers, formatNumber, type Numeric } from "../../src/rules/values/decimal.ts";
import { RuleError } from "../../src/rules/values/errors.ts";
import { parseNumber } from "../../src/rules/values/literals.ts";
import { tries } from "../support/tries.ts";
import { survives } from "./survives.ts";

test("5 000 random texts are either evaluated or refused, without any other error", () => {
  const { compiled, refused } = survives(7, 5_000);
  expect(compiled).toBeGreaterThan(250);
  expect(refused).toBeGreaterThan(250);
});

const numbers = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc
    .tuple(fc.bigInt({ min: -(10n ** 32n), max: 10n ** 32n }), fc.integer({ min: -40, max: 40 }))
    .map(([n, e]) => `${n}e${e}`),
);
const Context = Big.clone({ precision: 28, rounding: Big.ROUND_HALF_EVEN });

test("arithmetic agrees with decimal.js in all 28 digits", () => {
  const operations: [(a: Numeric, b: Numeric) => Numeric, (a: Big, b: Big) => Big][] = [
    [add, (a, b) => a.plus(b)],
    [subtract, (a, b) => a.minus(b)],
    [multiply, (a, b) => a.times(b)],
    [divide, (a, b) => a.div(b)],
    [floorDivide, (a, b) => a.divToInt(b)],
    [remainder, (a, b) => a.mod(b)],
  ];
  fc.assert(
    fc.property(numbers, numbers, fc.constantFrom(...operations), (a, b, [ours, theirs]) => {
      let result: Numeric;
      try {
        result = ours(parseNumber(a), parseNumber(b));
      } catch (error) {
        if (error instanceof RuleError) return; // division by zero, or a quotient that is too large
        throw error;
      }
      expect(new Context(formatNumber(result)).toString()).toBe(theirs(new Context(a), new Context(b)).toString());
      // If both are equal, either implementation may return `-0`.
      const compared = Math.sign(compareNumbers(parseNumber(a), parseNumber(b)) as number);
      expect(compared + 0).toBe(new Big(a).cmp(new Big(b)) + 0);
    }),
    { numRuns: tries(1_000) },
  );
});
