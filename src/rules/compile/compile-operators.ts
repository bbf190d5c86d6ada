import type { BinaryOperator, NodeOf, RegexOperator } from "../syntax/syntax.ts";
import { divide, floorDivide, multiply, remainder } from "../values/arithmetic.ts";
import { mismatch, RuleError, RuleRefusal } from "../values/errors.ts";
import type { Frame } from "../values/frame.ts";
import { charge, TEXT_LENGTH_MAX } from "../values/limits.ts";
import {
  areEqual,
  bitwise,
  contains,
  minus,
  natural,
  numeric,
  type Operation,
  plus,
  shift,
} from "../values/operators.ts";
import { isOrdered, type Order } from "../values/order.ts";
import { power } from "../values/power.ts";
import { compileRegex, matchRegex, type Regex } from "../values/regex.ts";
import type { StaticType } from "../values/types.ts";
import * as types from "../values/types.ts";
import { isTruthy, type Kind, kindOf, type RuleValue } from "../values/values.ts";
import { type Code, type CompileContext, convertErrorToRefusal, operation } from "./code.ts";

type Group = {
  /** Types allowed for an operand; others are refused at compile time, as far as they are known. */
  kinds: readonly Kind[];
  /**
   * Returns the type of the result for the known types of both operands; undefined if the operator does not accept
   * them.
   */
  result: (left: StaticType, right: StaticType) => StaticType | undefined;
};

const known = (left: StaticType, right: StaticType) => left.kind !== "unknown" && right.kind !== "unknown";
const boolean = () => types.BOOLEAN;
const number = () => types.NUMBER;

const ANY: Group = {
  kinds: ["array", "boolean", "datetime", "duration", "number", "mapping", "null", "set", "text"],
  result: boolean,
};
const ORDERING: Group = {
  kinds: ["array", "boolean", "datetime", "duration", "number", "null", "text"],
  result: (left, right) => (known(left, right) && !types.sameType(left, right) ? undefined : types.BOOLEAN),
};
const ADDITION: Group = {
  kinds: ["bytes", "number", "text", "datetime", "duration"],
  result: (left, right) => {
    if (!known(left, right)) return types.UNKNOWN;
    if (left.kind === "datetime") return right.kind === "duration" ? left : undefined;
    if (left.kind === "duration") return right.kind === "datetime" || right.kind === "duration" ? right : undefined;
    return left.kind === right.kind ? left : undefined;
  },
};
const SUBTRACTION: Group = {
  kinds: ["number", "datetime", "duration"],
  result: (left, right) => {
    if (!known(left, right)) return types.UNKNOWN;
    if (left.kind !== "datetime") return left.kind === right.kind ? left : undefined;
    return right.kind === "datetime" ? types.DURATION : right.kind === "duration" ? left : undefined;
  },
};
const ARITHMETIC: Group = { kinds: ["number"], result: number };
const BITWISE: Group = {
  kinds: ["number", "set"],
  result: (left, right) => {
    if (known(left, right) && left.kind !== right.kind) return undefined;
    if (left.kind === "set" || right.kind === "set") return types.SET;
    return left.kind === "number" || right.kind === "number" ? types.NUMBER : types.UNKNOWN;
  },
};
const REGEX: Group = { kinds: ["null", "text"], result: boolean };

const ordered =
  (order: Order): Operation =>
  (a, b, frame) =>
    isOrdered(order, a, b, frame);

type Plain = Exclude<BinaryOperator, "and" | "or" | "in" | "not in" | RegexOperator>;

const PLAIN: Record<Plain, [Group, Operation]> = {
  "==": [ANY, areEqual],
  "!=": [ANY, (a, b, frame) => !areEqual(a, b, frame)],
  "<": [ORDERING, ordered("<")],
  "<=": [ORDERING, ordered("<=")],
  ">": [ORDERING, ordered(">")],
  ">=": [ORDERING, ordered(">=")],
  "+": [ADDITION, plus],
  "-": [SUBTRACTION, minus],
  "*": [ARITHMETIC, numeric("*", multiply)],
  "/": [ARITHMETIC, numeric("/", divide)],
  "//": [ARITHMETIC, numeric("//", floorDivide)],
  "%": [ARITHMETIC, numeric("%", remainder)],
  "**": [ARITHMETIC, numeric("**", power)],
  "&": [
    BITWISE,
    bitwise(
      "&",
      (a, b) => a & b,
      (inLeft, inRight) => inLeft && inRight,
    ),
  ],
  "|": [
    BITWISE,
    bitwise(
      "|",
      (a, b) => a | b,
      () => true,
    ),
  ],
  "^": [
    BITWISE,
    bitwise(
      "^",
      (a, b) => a ^ b,
      (inLeft, inRight) => inLeft !== inRight,
    ),
  ],
  "<<": [ARITHMETIC, shift("<<")],
  ">>": [ARITHMETIC, shift(">>")],
};

/** Operators on bits; literals other than natural numbers are refused. */
const BITS: ReadonlySet<string> = new Set(["&", "|", "^", "<<", ">>"]);

/** Code for a binary operator. Refuses operands whose types are known not to fit. */
export function compileBinary(context: CompileContext, node: NodeOf<"binary">, left: Code, right: Code): Code {
  const { operator, at } = node;
  switch (operator) {
    case "and":
    case "or":
      return compileLogic(context, at, operator, left, right);
    case "in":
    case "not in":
      return compileMembership(context, at, operator, left, right);
    case "=~":
    case "=~~":
    case "!~":
    case "!~~":
      return compileMatch(context, node, operator, left, right);
  }
  const [group, apply] = PLAIN[operator];
  const type = resultType(group, at, operator, left, right);
  if (BITS.has(operator)) {
    for (const side of [left, right]) {
      if (side.constant && side.type.kind === "number")
        convertErrorToRefusal(at, () => natural(side.run(context.frame)));
    }
  }
  return operation(context, at, [left, right], type, (frame) => apply(left.run(frame), right.run(frame), frame));
}

function resultType(
  group: Group,
  at: number,
  operator: string,
  { type: left }: Code,
  { type: right }: Code,
): StaticType {
  for (const { kind } of [left, right]) {
    if (kind !== "unknown" && !group.kinds.includes(kind)) throw new RuleRefusal(`${operator} is not for ${kind}`, at);
  }
  const type = group.result(left, right);
  if (!type) throw new RuleRefusal(`the data types do not fit: ${left.kind} ${operator} ${right.kind}`, at);
  return type;
}

function compileLogic(context: CompileContext, at: number, operator: "and" | "or", left: Code, right: Code): Code {
  const type = resultType(ANY, at, operator, left, right);
  const [first, second] = [left.run, right.run];
  const run =
    operator === "and"
      ? (frame: Frame) => isTruthy(first(frame)) && isTruthy(second(frame))
      : (frame: Frame) => isTruthy(first(frame)) || isTruthy(second(frame));
  return operation(context, at, [left, right], type, run);
}

function compileMembership(
  context: CompileContext,
  at: number,
  operator: "in" | "not in",
  member: Code,
  container: Code,
): Code {
  const { kind } = container.type;
  if (kind === "text" || kind === "bytes") {
    if (member.type.kind !== "unknown" && member.type.kind !== kind) {
      throw new RuleRefusal(`the data types do not fit: ${member.type.kind} ${operator} ${kind}`, at);
    }
  } else if (kind !== "unknown" && !types.isIterable(container.type)) {
    throw new RuleRefusal(`${operator} is not for ${kind}`, at);
  }
  const wanted = operator === "in";
  // The container is evaluated first, which matters if both fail or take many steps.
  return operation(context, at, [member, container], types.BOOLEAN, (frame) => {
    const value = container.run(frame);
    return contains(value, member.run(frame), frame) === wanted;
  });
}

/** Matching stores the groups for `$re_groups`. Two constants are matched at compile time and store nothing. */
function compileMatch(
  context: CompileContext,
  node: NodeOf<"binary">,
  operator: RegexOperator,
  left: Code,
  right: Code,
): Code {
  const { at } = node;
  const type = resultType(REGEX, at, operator, left, right);
  const from = operator.endsWith("~~") ? "anywhere" : "start";
  const wanted = operator.startsWith("=");
  const literal = right.constant ? right.run(context.frame) : null;
  const compiled =
    typeof literal === "string" ? convertErrorToRefusal(node.right.at, () => compileRegex(literal)) : undefined;
  const regexOf = compiled ? () => compiled : patternReader(right);
  return operation(context, at, [left, right], type, (frame) => {
    const text = left.run(frame);
    if (typeof text !== "string" && text !== null) throw mismatch(`${kindOf(text)} ${operator}`);
    const regex = regexOf(frame);
    if (text === null || regex === null) return (text === regex) === wanted;
    const groups = matchRegex(regex, text, from, frame);
    if (groups) frame.groups = groups;
    return (groups !== undefined) === wanted;
  });
}

/** For a computed pattern. The last one compiled is kept, because it rarely changes from twin to twin. */
function patternReader(code: Code): (frame: Frame) => Regex | null {
  let last: { pattern: string; regex: Regex } | undefined;
  return (frame) => {
    const pattern: RuleValue = code.run(frame);
    if (pattern === null) return null;
    if (typeof pattern !== "string") throw mismatch(`a pattern is no ${kindOf(pattern)}`);
    if (last?.pattern === pattern) return last.regex;
    if (pattern.length > TEXT_LENGTH_MAX) throw new RuleError("the pattern is too long");
    charge(frame, pattern.length);
    const regex = compileRegex(pattern);
    charge(frame, regex.size);
    last = { pattern, regex };
    return regex;
  };
}
