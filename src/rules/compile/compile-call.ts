import type { NodeOf } from "../syntax/syntax.ts";
import { mismatch, RuleError, RuleRefusal } from "../values/errors.ts";
import type { Frame } from "../values/frame.ts";
import * as types from "../values/types.ts";
import { kindOf, RuleFunction, type RuleValue } from "../values/values.ts";
import { callFunction } from "./builtins.ts";
import { type Code, type CompileContext, operation } from "./code.ts";

/** `f(a, b)`. If the function is known at compile time, its arguments are type-checked then and again on each call. */
export function compileCall(context: CompileContext, { at }: NodeOf<"call">, callee: Code, args: Code[]): Code {
  const { type } = callee;
  if (type.kind !== "unknown" && type.kind !== "function") throw new RuleRefusal(`${type.kind} cannot be called`, at);
  const signature = type.kind === "function" ? type : undefined;
  const complaint =
    signature && complaintAbout(signature, args.length, (i, wanted) => types.fits((args[i] as Code).type, wanted));
  if (complaint) throw new RuleRefusal(complaint, at);

  return operation(context, at, [callee, ...args], signature?.returns ?? types.UNKNOWN, (frame) => {
    const callable = callee.run(frame);
    if (!(callable instanceof RuleFunction)) throw mismatch(`${kindOf(callable)} cannot be called`);
    const values = args.map((arg) => arg.run(frame));
    if (!signature) return callFunction(callable, values, frame);
    const wrong = complaintAbout(signature, values.length, (i, wanted) =>
      isOfType(values[i] as RuleValue, wanted, frame),
    );
    if (wrong) throw new RuleError(wrong);
    const result = callFunction(callable, values, frame);
    if (!isOfType(result, signature.returns, frame)) throw mismatch(`${signature.name} returned ${kindOf(result)}`);
    return result;
  });
}

function complaintAbout(
  { name, minimum, args }: types.FunctionType,
  count: number,
  fits: (index: number, wanted: types.StaticType) => boolean,
): string | undefined {
  if (count < minimum) return `${name} takes at least ${minimum} arguments`;
  if (!args) return undefined;
  if (count > args.length) return `${name} takes at most ${args.length} arguments`;
  for (let i = 0; i < count; i++) {
    const wanted = args[i] as types.StaticType;
    if (!fits(i, wanted)) return `${name} wants ${wanted.kind} as argument ${i + 1}`;
  }
  return undefined;
}

/** Members are checked only if the expected type restricts them. */
function isOfType(value: RuleValue, wanted: types.StaticType, frame: Frame): boolean {
  if (wanted.kind === "unknown") return true;
  if ("of" in wanted && wanted.of.kind !== "unknown") return types.fits(types.typeOf(value, frame), wanted);
  return kindOf(value) === wanted.kind;
}
