import type { Node, NodeOf } from "../syntax/syntax.ts";
import { negate } from "../values/arithmetic.ts";
import { iterate } from "../values/attributes.ts";
import { hashKey, makeSet } from "../values/equality.ts";
import { mismatch, RuleError, RuleRefusal } from "../values/errors.ts";
import type { Frame } from "../values/frame.ts";
import { parseDatetime } from "../values/iso-datetime.ts";
import { charge } from "../values/limits.ts";
import { readBytes, readNumber, readText } from "../values/literals.ts";
import { negateDuration, parseDuration, Timedelta } from "../values/times.ts";
import * as types from "../values/types.ts";
import { isNumber, isTruthy, kindOf, RuleMapping, type RuleValue } from "../values/values.ts";
import { builtinNamed } from "./builtins.ts";
import { type Code, type CompileContext, constant, convertErrorToRefusal, operation } from "./code.ts";
import { compileAttribute, compileItem, compileSlice } from "./compile-access.ts";
import { compileCall } from "./compile-call.ts";
import { compileBinary } from "./compile-operators.ts";

/** Compiles a syntax tree to closures and folds constants; refuses what is known never to work. */
export function compile(node: Node, context: CompileContext): Code {
  const { at } = node;
  const part = (inner: Node) => compile(inner, context);
  switch (node.kind) {
    case "constant":
      return constant(context, at, node.value);
    case "number":
    case "text":
    case "bytes":
    case "datetime":
    case "duration":
      return constant(
        context,
        at,
        convertErrorToRefusal(at, () => readLiteral(node)),
      );
    case "variable":
      return compileVariable(node, context);
    case "builtin":
      return compileBuiltin(node);
    case "array":
    case "set":
    case "mapping":
      return compileCollection(node, context, part);
    case "comprehension":
      return compileComprehension(node, context);
    case "attribute":
      return compileAttribute(context, node, part(node.object));
    case "item":
      return compileItem(context, node, part(node.object), part(node.item));
    case "slice":
      return compileSlice(
        context,
        node,
        part(node.object),
        node.start && part(node.start),
        node.stop && part(node.stop),
      );
    case "call":
      return compileCall(context, node, part(node.callee), node.args.map(part));
    case "not": {
      const operand = part(node.operand);
      return operation(context, at, [operand], types.BOOLEAN, (frame) => !isTruthy(operand.run(frame)));
    }
    case "minus": {
      const operand = part(node.operand);
      return operation(context, at, [operand], operand.type, (frame) => minus(operand.run(frame)));
    }
    case "choice":
      return compileChoice(context, part(node.condition), part(node.yes), part(node.no));
    case "binary":
      return compileBinary(context, node, part(node.left), part(node.right));
  }
}

function readLiteral(node: NodeOf<"number" | "text" | "bytes" | "datetime" | "duration">): RuleValue {
  switch (node.kind) {
    case "number":
      return readNumber(node.text);
    case "text":
      return readText(node.text);
    case "bytes":
      return readBytes(node.text);
    case "datetime":
      return parseDatetime(node.text.slice(1, -1));
    case "duration":
      return parseDuration(node.text.slice(1, -1));
  }
}

function minus(value: RuleValue): RuleValue {
  if (value instanceof Timedelta) return negateDuration(value);
  if (!isNumber(value)) throw mismatch(`minus ${kindOf(value)}`);
  return negate(value);
}

function compileVariable({ name }: NodeOf<"variable">, context: CompileContext): Code {
  // If nested comprehensions share a variable name, rule-engine reads the outermost.
  const binding = context.bindings.find((bound) => bound.name === name);
  if (binding) {
    const { slot, type } = binding;
    const read = (frame: Frame) => frame.locals[slot] as RuleValue;
    return { run: checked(type, read), type, constant: false, weight: 1 };
  }
  const slot = context.variables.get(name) ?? context.variables.size;
  context.variables.set(name, slot);
  const run = (frame: Frame): RuleValue => {
    const known = frame.variables[slot];
    if (known !== undefined) return known;
    const value = frame.scope(name) ?? null;
    frame.variables[slot] = value;
    return value;
  };
  return { run, type: types.UNKNOWN, constant: false, weight: 1 };
}

/**
 * Where a type was inferred, rule-engine checks each value again at run time. For an array it knows only the one common
 * type of the members, and an empty array, which has none, is not accepted as an array of texts.
 */
function checked(type: types.StaticType, read: (frame: Frame) => RuleValue): (frame: Frame) => RuleValue {
  if (type.kind === "unknown" || ("of" in type && type.of.kind === "unknown")) return read;
  return (frame) => {
    const value = read(frame);
    if (value === null || ("of" in type ? isOfType(value, type, frame) : kindOf(value) === type.kind)) return value;
    throw mismatch(`${kindOf(value)} where ${type.kind} was expected`);
  };
}

function isOfType(value: RuleValue, type: types.StaticType, frame: Frame): boolean {
  const actual = types.typeOf(value, frame);
  return types.fits(actual, type) && "of" in actual && "of" in type && types.sameType(actual.of, type.of);
}

function compileBuiltin({ name, at }: NodeOf<"builtin">): Code {
  const builtin = builtinNamed(name);
  if (!builtin) throw new RuleRefusal(`there is no built-in $${name}`, at);
  return { run: checked(builtin.type, builtin.get), type: builtin.type, constant: false, weight: 1 };
}

type Part = (node: Node) => Code;

function compileCollection(node: NodeOf<"array" | "set" | "mapping">, context: CompileContext, part: Part): Code {
  const code = node.kind === "mapping" ? mappingCode(node, part) : membersCode(node, part);
  if (!code.constant) return code;
  try {
    const value = code.run(context.frame);
    return { ...code, run: () => value };
  } catch (error) {
    // Such as a set of sets: an error only when evaluated.
    if (error instanceof RuleError) return code;
    throw error;
  }
}

function membersCode(node: NodeOf<"array" | "set">, part: Part): Code {
  const members = node.members.map(part);
  const type = { kind: node.kind, of: types.commonType(members.map((member) => member.type)) };
  const evaluate = (frame: Frame) => {
    charge(frame, members.length);
    return members.map((member) => member.run(frame));
  };
  const run = node.kind === "array" ? evaluate : (frame: Frame) => makeSet(evaluate(frame), frame);
  return { run, type, ...combined(members) };
}

const combined = (parts: Code[]) => ({
  constant: parts.every((part) => part.constant),
  weight: 1 + parts.reduce((sum, part) => sum + part.weight, 0),
});

function mappingCode(node: NodeOf<"mapping">, part: Part): Code {
  const entries = node.entries.map(([key, value]): [Code, Code] => [part(key), part(value)]);
  const keyType = types.commonType(entries.map(([key]) => key.type));
  if (keyType.kind === "set" || keyType.kind === "mapping") {
    throw new RuleRefusal(`a ${keyType.kind} cannot be a key`, node.at);
  }
  const run = (frame: Frame) => {
    charge(frame, entries.length);
    // The values of duplicate keys are not evaluated.
    const last = new Map<string, [RuleValue, Code]>();
    for (const [keyCode, value] of entries) {
      const key = keyCode.run(frame);
      const hash = hashKey(key, frame);
      last.set(hash, [last.get(hash)?.[0] ?? key, value]);
    }
    return new RuleMapping(
      new Map(
        [...last].map(([hash, [key, value]]): [string, [RuleValue, RuleValue]] => [hash, [key, value.run(frame)]]),
      ),
    );
  };
  const type = types.mappingOf(keyType, types.commonType(entries.map(([, value]) => value.type)));
  return { run, type, ...combined(entries.flat()) };
}

function compileComprehension(node: NodeOf<"comprehension">, context: CompileContext): Code {
  const iterable = compile(node.iterable, context);
  if (iterable.type.kind !== "unknown" && !types.isIterable(iterable.type)) {
    throw new RuleRefusal(`a comprehension does not go over ${iterable.type.kind}`, node.iterable.at);
  }
  const slot = context.localCount++;
  context.bindings.push({ name: node.variable, slot, type: types.memberType(iterable.type) });
  const condition = node.condition && compile(node.condition, context);
  const result = compile(node.result, context);
  context.bindings.pop();

  const weight = 1 + result.weight + (condition?.weight ?? 0);
  const run = (frame: Frame) => {
    const members = iterable.run(frame);
    const kind = kindOf(members);
    if (kind !== "array" && kind !== "set" && kind !== "mapping") throw mismatch(`a comprehension over ${kind}`);
    const results: RuleValue[] = [];
    for (const member of iterate(members, frame)) {
      charge(frame, weight);
      frame.locals[slot] = member;
      if (!condition || isTruthy(condition.run(frame))) results.push(result.run(frame));
    }
    return results;
  };
  return { run, type: types.arrayOf(result.type), constant: false, weight: weight + iterable.weight };
}

/** A conditional with a constant condition becomes the chosen branch, but the other branch must compile too. */
function compileChoice(context: CompileContext, condition: Code, yes: Code, no: Code): Code {
  if (condition.constant) return isTruthy(condition.run(context.frame)) ? yes : no;
  const bothArrays = yes.type.kind === "array" && no.type.kind === "array";
  const type = types.sameType(yes.type, no.type) ? yes.type : bothArrays ? types.ARRAY : types.UNKNOWN;
  const run = (frame: Frame) => (isTruthy(condition.run(frame)) ? yes.run(frame) : no.run(frame));
  return { run, type, constant: false, weight: 1 + condition.weight + yes.weight + no.weight };
}
