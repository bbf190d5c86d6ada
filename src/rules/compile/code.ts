import { RuleError, RuleRefusal } from "../values/errors.ts";
import type { Frame } from "../values/frame.ts";
import { NULL, type StaticType, typeOf } from "../values/types.ts";
import type { RuleValue } from "../values/values.ts";

/** An expression ready to run. */
export type Code = {
  run: (frame: Frame) => RuleValue;
  /** What is known of its values. */
  type: StaticType;
  /** Whether it is made of literals alone. */
  constant: boolean;
  /** Operations of one run, comprehensions' rounds not counted: what a round of the enclosing one costs. */
  weight: number;
};

/** What is shared while one rule is compiled. */
export type Workshop = {
  /** Slots of the variables. */
  variables: Map<string, number>;
  /** Variables of the comprehensions around, outermost first. */
  bindings: { name: string; slot: number; type: StaticType }[];
  localCount: number;
  /** Where constants are computed; its budget holds for all of them together. */
  frame: Frame;
};

/** Code for an operation on parts; made of literals alone, it is computed here and now, as rule-engine does. */
export function operation(
  shop: Workshop,
  at: number,
  parts: Code[],
  type: StaticType,
  run: (frame: Frame) => RuleValue,
): Code {
  const weight = 1 + parts.reduce((sum, part) => sum + part.weight, 0);
  const code: Code = { run, type, constant: false, weight };
  return parts.every((part) => part.constant) ? fold(shop, at, code) : code;
}

/** A constant of what `code` evaluates to; what fails is refused, since no rule would ever get past it. */
export function fold(shop: Workshop, at: number, code: Code): Code {
  const value = refusingAt(at, () => code.run(shop.frame));
  if (code.type.kind === "function") return { ...code, run: () => value, constant: true };
  return constant(shop, at, value);
}

export function constant(shop: Workshop, at: number, value: RuleValue): Code {
  const type = value === null ? NULL : refusingAt(at, () => typeOf(value, shop.frame));
  return { run: () => value, type, constant: true, weight: 1 };
}

/** Turns an evaluation error into a refusal that says where. */
export function refusingAt<T>(at: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof RuleError) throw new RuleRefusal(error.message, at);
    throw error;
  }
}
