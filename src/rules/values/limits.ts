import { RuleError } from "./errors.ts";

// Limits on the cost of one rule. A rule is untrusted text and runs on the event loop, so time and memory are both
// bounded.

/** Code points of a rule or template; the specification's own suggestion (2.13). */
export const TEXT_LENGTH_MAX = 4096;

/** Nesting of brackets, prefixes and conditionals: each level takes the parser a few stack frames. */
export const NESTING_MAX = 200;

/**
 * Height of the syntax tree, which a long chain such as `a + b + c …` reaches without nesting; evaluation recurses over
 * it.
 */
export const TREE_HEIGHT_MAX = 1000;

/**
 * Steps of one evaluation, 100 to 400 ns each: rounds, elements read, stretches of text and pattern. The event loop is
 * blocked meanwhile.
 */
export const STEPS_MAX = 20_000;

/** UTF-16 units of a text (or bytes) that a rule builds: more than any rule needs, and little memory. */
const BUILT_LENGTH_MAX = 1_000_000;

/** Decimal digits of a whole number written out, as CPython 3.11 limits them (`sys.int_info.default_max_str_digits`). */
export const INTEGER_DIGITS_MAX = 4300;

/** Exponent of a number literal; arithmetic itself ends at 999999, and beyond 2^53 our exponents would not be exact. */
export const LITERAL_EXPONENT_MAX = 999_999_999;

/** Instructions of a compiled pattern: `(a{1000}b{1000}…)` would otherwise turn 4 kB of rule into 100 MB of program. */
export const PATTERN_SIZE_MAX = 10_000;

/** Pattern instructions times text units that count as one step: about 30 ns each. */
export const PATTERN_WORK_PER_STEP = 6;

/** Compiled rules kept in the cache: an account has a handful, and each takes some kB. */
export const RULES_CACHED_MAX = 1024;

export type Meter = { stepsLeft: number };

/** Takes steps off the budget; ends the evaluation if it is used up. */
export function charge(meter: Meter, steps: number): void {
  meter.stepsLeft -= steps;
  if (meter.stepsLeft < 0) throw new RuleError("the rule takes too many steps");
}

/** Charges for text that is about to be built, and refuses text that would be too long. */
export function chargeText(meter: Meter, length: number): void {
  if (length > BUILT_LENGTH_MAX) throw new RuleError("the text grows too long");
  charge(meter, 1 + length / 64);
}
