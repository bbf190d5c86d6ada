import { RuleError, RuleRefusal } from "../values/errors.ts";
import type { Frame } from "../values/frame.ts";
import { NULL, type StaticType, typeOf } from "../values/types.ts";
import type { RuleValue } from "../values/values.ts";

/** A compiled expression. */
export type Code = {
  run: (frame: Frame) => RuleValue;
  /** The type of its values, as far as known. */
  type: StaticType;
  /** Whether it consists of literals only. */
  constant: boolean;
  /**
   * Operations of one run, without the rounds of comprehensions: the cost of one round of the enclosing comprehension.
   */
  weight: number;
};

/** State shared while one rule is compiled. */
export type CompileContext = {
  /** Slots of the variables. */
  variables: Map<string, number>;
  /** Variables of the enclosing comprehensions, outermost first. */
  bindings: { name: string; slot: number; type: StaticType }[];
  localCount: number;
  /** Evaluates constants; its budget covers all of them together. */
  frame: Frame;
};

/** Code for an operation on parts. If all are literals it is computed at once, as rule-engine does. */
export function operation(
  context: CompileContext,
  at: number,
  parts: Code[],
  type: StaticType,
  run: (frame: Frame) => RuleValue,
): Code {
  const weight = 1 + parts.reduce((sum, part) => sum + part.weight, 0);
  const code: Code = { run, type, constant: false, weight };
  return parts.every((part) => part.constant) ? fold(context, at, code) : code;
}

/** Evaluates `code` to a constant. If that fails, the rule is refused, because it could never be evaluated. */
export function fold(context: CompileContext, at: number, code: Code): Code {
  const value = convertErrorToRefusal(at, () => code.run(context.frame));
  if (code.type.kind === "function") return { ...code, run: () => value, constant: true };
  return constant(context, at, value);
}

export function constant(context: CompileContext, at: number, value: RuleValue): Code {
  const type = value === null ? NULL : convertErrorToRefusal(at, () => typeOf(value, context.frame));
  return { run: () => value, type, constant: true, weight: 1 };
}

/** Turns an evaluation error into a refusal with its position. */
export function convertErrorToRefusal<T>(at: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof RuleError) throw new RuleRefusal(error.message, at);
    throw error;
  }
}
