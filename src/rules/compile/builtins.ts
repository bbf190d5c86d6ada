import { absolute, add } from "../values/arithmetic.ts";
import { iterate } from "../values/attributes.ts";
import { fromFloat, isWhole, type Numeric, toBigInt } from "../values/decimal.ts";
import { mismatch, RuleError } from "../values/errors.ts";
import type { Frame } from "../values/frame.ts";
import { parseDatetime } from "../values/iso-datetime.ts";
import { charge, chargeText } from "../values/limits.ts";
import { parseNumber } from "../values/literals.ts";
import { isLess } from "../values/order.ts";
import { splitAt, splitAtSpaces } from "../values/text.ts";
import { fromMillis, negateDuration, parseDuration, startOfDay, Timedelta } from "../values/times.ts";
import {
  ARRAY,
  arrayOf,
  BOOLEAN,
  DATETIME,
  DURATION,
  FUNCTION,
  type FunctionType,
  functionType,
  NUMBER,
  type StaticType,
  TEXT,
} from "../values/types.ts";
import { isNumber, isTruthy, kindOf, RuleFunction, type RuleValue } from "../values/values.ts";

type Builtin = { type: StaticType; get: (frame: Frame) => RuleValue };

const NUMBERS = arrayOf(NUMBER);

/** The value of `$name`, or undefined. */
export const builtinNamed = (name: string): Builtin | undefined => BUILTINS.get(name);

/** Calls a function with the number of arguments it takes; the function checks their types. */
export function callFunction(callee: RuleFunction, args: RuleValue[], frame: Frame): RuleValue {
  const { name, minimum, args: wanted } = callee.type;
  if (args.length < minimum) throw new RuleError(`${name} takes at least ${minimum} arguments`);
  if (wanted && args.length > wanted.length) throw new RuleError(`${name} takes at most ${wanted.length} arguments`);
  charge(frame, 2);
  return callee.call(args, frame);
}

const numeric = (value: RuleValue): Numeric => {
  if (typeof value === "boolean") return Number(value);
  if (!isNumber(value)) throw mismatch(`${kindOf(value)} is no number`);
  return value;
};

const textOf = (value: RuleValue): string => {
  if (typeof value !== "string") throw mismatch(`${kindOf(value)} is no text`);
  return value;
};

const functionOf = (value: RuleValue): RuleFunction => {
  if (!(value instanceof RuleFunction)) throw mismatch(`${kindOf(value)} is no function`);
  return value;
};

function abs([value]: RuleValue[]): RuleValue {
  if (value instanceof Timedelta) return value.days < 0 ? negateDuration(value) : value;
  return absolute(numeric(value as RuleValue));
}

function sum([numbers]: RuleValue[], frame: Frame): RuleValue {
  let total: Numeric = 0;
  for (const member of iterate(numbers as RuleValue, frame)) total = add(total, numeric(member));
  return total;
}

/** The first member that no other member precedes. */
const extreme =
  (isBefore: (a: RuleValue, b: RuleValue, frame: Frame) => boolean) =>
  ([members]: RuleValue[], frame: Frame): RuleValue => {
    const [first, ...others] = iterate(members as RuleValue, frame);
    if (first === undefined) throw new RuleError("there are no members to choose from");
    let best = first;
    for (const member of others) if (isBefore(member, best, frame)) best = member;
    return best;
  };

function filter([test, members]: RuleValue[], frame: Frame): RuleValue {
  const keep = functionOf(test as RuleValue);
  return iterate(members as RuleValue, frame).filter((member) => isTruthy(callFunction(keep, [member], frame)));
}

function map([change, members]: RuleValue[], frame: Frame): RuleValue {
  const by = functionOf(change as RuleValue);
  return iterate(members as RuleValue, frame).map((member) => callFunction(by, [member], frame));
}

/** A whole number as a double: beyond 2^53, no range or split would finish within its steps. */
function whole(value: RuleValue, least = Number.NEGATIVE_INFINITY): number {
  if (!isNumber(value) || !isWhole(value)) throw mismatch("not a whole number");
  const n = Number(toBigInt(value));
  if (n < least) throw mismatch("not a natural number");
  if (!Number.isSafeInteger(n)) throw new RuleError("the number is too large");
  return n;
}

/** Python's range, except that a zero end or step counts as missing. */
function range([first, last, by]: RuleValue[], frame: Frame): RuleValue {
  const start = whole(first as RuleValue);
  const hasStop = last !== undefined && isTruthy(last);
  const from = hasStop ? start : 0;
  const stop = hasStop ? whole(last) : start;
  const step = hasStop && by !== undefined && isTruthy(by) ? whole(by) : 1;
  const length = Math.max(0, Math.ceil((stop - from) / step));
  charge(frame, length);
  return Array.from({ length }, (_, i) => from + i * step);
}

function random([boundary]: RuleValue[], frame: Frame): RuleValue {
  if (boundary === undefined || !isTruthy(boundary)) return fromFloat(frame.world.random());
  return Math.floor(frame.world.random() * (whole(boundary, 0) + 1));
}

function split([subject, separator, most]: RuleValue[], frame: Frame): RuleValue {
  const text = textOf(subject as RuleValue);
  chargeText(frame, text.length);
  const max = most === undefined || most === null ? Number.POSITIVE_INFINITY : whole(most, 0);
  if (separator === "") throw new RuleError("the separator is empty");
  const parts =
    separator === undefined || separator === null ? splitAtSpaces(text, max) : splitAt(text, textOf(separator), max);
  charge(frame, parts.length);
  return parts;
}

const text1 = (read: (text: string) => RuleValue) => (args: RuleValue[]) => read(textOf(args[0] as RuleValue));

const FUNCTIONS: [FunctionType, RuleFunction["call"]][] = [
  [functionType("abs", NUMBER, [NUMBER]), abs],
  [functionType("all", BOOLEAN, [ARRAY]), ([members], frame) => iterate(members as RuleValue, frame).every(isTruthy)],
  [functionType("any", BOOLEAN, [ARRAY]), ([members], frame) => iterate(members as RuleValue, frame).some(isTruthy)],
  [functionType("sum", NUMBER, [NUMBERS]), sum],
  [functionType("map", ARRAY, [FUNCTION, ARRAY]), map],
  [functionType("max", NUMBER, [NUMBERS]), extreme((a, b, frame) => isLess(b, a, frame))],
  [functionType("min", NUMBER, [NUMBERS]), extreme(isLess)],
  [functionType("filter", ARRAY, [FUNCTION, ARRAY]), filter],
  [functionType("parse_datetime", DATETIME, [TEXT]), text1(parseDatetime)],
  [functionType("parse_float", NUMBER, [TEXT]), text1(parseNumber)],
  [functionType("parse_timedelta", DURATION, [TEXT]), text1(parseDuration)],
  [functionType("random", NUMBER, [NUMBER], 0), random],
  [functionType("range", NUMBERS, [NUMBER, NUMBER, NUMBER], 1), range],
  [functionType("split", arrayOf(TEXT), [TEXT, TEXT, NUMBER], 1), split],
];

const BUILTINS = new Map<string, Builtin>([
  ["e", { type: NUMBER, get: () => Math.E }],
  ["pi", { type: NUMBER, get: () => Math.PI }],
  ["now", { type: DATETIME, get: (frame) => fromMillis(frame.world.now) }],
  ["today", { type: DATETIME, get: (frame) => startOfDay(fromMillis(frame.world.now)) }],
  ["re_groups", { type: arrayOf(TEXT), get: (frame) => frame.groups }],
  ...FUNCTIONS.map(([type, call]): [string, Builtin] => {
    const value = new RuleFunction(type, call);
    return [type.name, { type, get: () => value }];
  }),
]);
