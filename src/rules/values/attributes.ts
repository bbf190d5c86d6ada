import { toWhole } from "./arithmetic.ts";
import { decodeBytes, encodeText } from "./codecs.ts";
import {
  Decimal,
  formatNumber,
  fromBigInt,
  fromFloat,
  INFINITY,
  isWhole,
  MINUS_INFINITY,
  NAN,
  type Numeric,
} from "./decimal.ts";
import { equals, makeSet } from "./equality.ts";
import { mismatch, RuleError } from "./errors.ts";
import type { Frame } from "./frame.ts";
import { weekdayName } from "./iso-datetime.ts";
import { charge, chargeText, INTEGER_DIGITS_MAX } from "./limits.ts";
import { codePointLength, codePoints, sliceText, strip } from "./text.ts";
import { calendar, type Datetime, epochSeconds, startOfDay, type Timedelta, totalSeconds } from "./times.ts";
import type { StaticType } from "./types.ts";
import * as types from "./types.ts";
import {
  isArray,
  type Kind,
  keysOf,
  kindOf,
  type Mapping,
  membersOf,
  RuleFunction,
  RuleSet,
  type RuleValue,
  sizeOf,
} from "./values.ts";

type Attribute = {
  type: (object: StaticType) => StaticType;
  get: (value: RuleValue, frame: Frame) => RuleValue;
};
type Table = Record<string, Attribute>;

/** An attribute of a kind of value; undefined if it has none of that name. */
export function attributeOf(kind: Kind, name: string): Attribute | undefined {
  const table = TABLES[kind];
  return table && Object.hasOwn(table, name) ? table[name] : undefined;
}

const attribute = <V extends RuleValue>(type: StaticType, get: (value: V, frame: Frame) => RuleValue): Attribute => ({
  type: () => type,
  get: get as Attribute["get"],
});

/** An attribute that is a function of one argument. Python checks the argument only if the value's type is known. */
const method = <V extends RuleValue>(
  typeOf: (object: StaticType) => types.FunctionType,
  call: (value: V, arg: RuleValue, frame: Frame) => RuleValue,
): Attribute => {
  return {
    type: typeOf,
    get: (value) =>
      new RuleFunction(typeOf(types.UNKNOWN), ([arg], frame) => call(value as V, arg as RuleValue, frame)),
  };
};

/** The number of members or characters, for any value that has them. */
function lengthOf(value: RuleValue): number | undefined {
  if (typeof value === "string") return codePointLength(value);
  if (isArray(value) || value instanceof Uint8Array) return value.length;
  if (value instanceof RuleSet) return value.members.size;
  return kindOf(value) === "mapping" ? sizeOf(value as Mapping) : undefined;
}

/** A slice of a text, of bytes or of an array; negative positions count from the end. */
export function slice(value: RuleValue, start: number, stop: number, frame: Frame): RuleValue {
  if (typeof value === "string") return sliceText(value, start, stop);
  if (value instanceof Uint8Array) return value.slice(start, stop);
  if (!isArray(value)) throw mismatch(`a part of ${kindOf(value)}`);
  const part = value.slice(start, stop);
  charge(frame, part.length);
  return part;
}

const SIZED: Table = {
  length: attribute(types.NUMBER, (value) => lengthOf(value) as number),
  is_empty: attribute(types.BOOLEAN, (value) => lengthOf(value) === 0),
};

const lengthOfPart = (part: RuleValue) => {
  const length = lengthOf(part);
  if (length === undefined) throw mismatch(`${kindOf(part)} has no length`);
  return length;
};

const ENDS: Table = {
  starts_with: method(
    (object) => types.functionType("starts_with", types.BOOLEAN, [object]),
    (value, part, frame) => equals(slice(value, 0, lengthOfPart(part), frame), part, frame),
  ),
  // An empty suffix matches only an empty value: in Python, the last zero members are all of them.
  ends_with: method(
    (object) => types.functionType("ends_with", types.BOOLEAN, [object]),
    (value, part, frame) => equals(slice(value, -lengthOfPart(part), Number.POSITIVE_INFINITY, frame), part, frame),
  ),
};

const memberTypeOf = (object: StaticType): StaticType =>
  object.kind === "text" ? types.TEXT : object.kind === "bytes" ? types.NUMBER : types.memberType(object);

const COLLECTED: Table = {
  to_ary: { type: (object) => types.arrayOf(memberTypeOf(object)), get: (value, frame) => iterate(value, frame) },
  to_set: { type: (object) => types.setOf(memberTypeOf(object)), get: (v, frame) => makeSet(iterate(v, frame), frame) },
};

/** The members of any value that Python can iterate over; charges steps for them. */
export function iterate(value: RuleValue, frame: Frame): RuleValue[] {
  const length = lengthOf(value);
  if (length === undefined) throw mismatch(`${kindOf(value)} has no members`);
  charge(frame, length);
  if (typeof value === "string") return codePoints(value);
  if (isArray(value)) return value;
  if (value instanceof Uint8Array) return Array.from(value);
  if (value instanceof RuleSet) return [...value.members.values()];
  return keysOf(value as Mapping);
}

const assertWhole = (n: Numeric): Numeric => {
  if (!isWhole(n)) throw mismatch("not a whole number");
  return n;
};

const FLOAT =
  /^(?:0(?:b[01]+|o[0-7]+|x[0-9a-fA-F]+)|([0-9]+)|(?:[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?))$/;

/**
 * Parses a number: a whole number exactly, any other number as Python's float. Returns `nan` for any other text, also
 * for negative numbers.
 */
function numberOf(text: string): Numeric {
  const spelt = strip(text);
  if (/^-?inf/.test(spelt)) {
    if (!/^-?inf(inity)?$/i.test(spelt)) throw new RuleError("not a number");
    return spelt.startsWith("-") ? MINUS_INFINITY : INFINITY;
  }
  const found = FLOAT.exec(spelt);
  if (!found) return NAN;
  if (found[1] !== undefined) {
    if (/^0+[1-9]/.test(spelt) || spelt.length > INTEGER_DIGITS_MAX) throw new RuleError("not a whole number");
    return fromBigInt(BigInt(spelt));
  }
  return /^0[box]/.test(spelt) ? fromBigInt(BigInt(spelt)) : fromFloat(Number(spelt));
}

/** Charges for a value of the same size that is about to be built. */
function charged<T extends string | Uint8Array>(source: T, frame: Frame): T {
  chargeText(frame, source.length);
  return source;
}

const encodingOf = (value: RuleValue): string => {
  if (typeof value !== "string") throw mismatch("an encoding is a text");
  return value;
};

const TEXT_ATTRIBUTES: Table = {
  ...SIZED,
  ...ENDS,
  ...COLLECTED,
  as_lower: attribute<string>(types.TEXT, (text, frame) => charged(text, frame).toLowerCase()),
  as_upper: attribute<string>(types.TEXT, (text, frame) => charged(text, frame).toUpperCase()),
  to_str: attribute(types.TEXT, (text) => text),
  to_flt: attribute<string>(types.NUMBER, (text) => numberOf(text)),
  to_int: attribute<string>(types.NUMBER, (text) => assertWhole(numberOf(text))),
  encode: method<string>(
    () => types.functionType("encode", types.BYTES, [types.TEXT]),
    (text, encoding, frame) => encodeText(charged(text, frame), encodingOf(encoding)),
  ),
};

const BYTES_ATTRIBUTES: Table = {
  ...SIZED,
  ...ENDS,
  ...COLLECTED,
  decode: method<Uint8Array>(
    () => types.functionType("decode", types.TEXT, [types.TEXT]),
    (bytes, encoding, frame) => decodeBytes(charged(bytes, frame), encodingOf(encoding)),
  ),
};

const NUMBER_ATTRIBUTES: Table = {
  ceiling: attribute<Numeric>(types.NUMBER, (n) => toWhole(n, "ceiling")),
  floor: attribute<Numeric>(types.NUMBER, (n) => toWhole(n, "floor")),
  is_nan: attribute(types.BOOLEAN, (n) => n instanceof Decimal && n.special === "nan"),
  to_flt: attribute(types.NUMBER, (n) => n),
  to_int: attribute<Numeric>(types.NUMBER, assertWhole),
  to_str: attribute<Numeric>(types.TEXT, formatNumber),
};

const DATETIME_ATTRIBUTES: Table = {
  date: attribute<Datetime>(types.DATETIME, startOfDay),
  day: attribute<Datetime>(types.NUMBER, (d) => calendar(d).getUTCDate()),
  hour: attribute<Datetime>(types.NUMBER, (d) => calendar(d).getUTCHours()),
  minute: attribute<Datetime>(types.NUMBER, (d) => calendar(d).getUTCMinutes()),
  second: attribute<Datetime>(types.NUMBER, (d) => calendar(d).getUTCSeconds()),
  millisecond: attribute<Datetime>(types.NUMBER, (d) => fromFloat(d.micros / 1000)),
  microsecond: attribute<Datetime>(types.NUMBER, (d) => d.micros),
  month: attribute<Datetime>(types.NUMBER, (d) => calendar(d).getUTCMonth() + 1),
  year: attribute<Datetime>(types.NUMBER, (d) => calendar(d).getUTCFullYear()),
  weekday: attribute<Datetime>(types.TEXT, weekdayName),
  zone_name: attribute<Datetime>(types.TEXT, (d) => {
    if (d.offset !== 0) throw new RuleError("an offset has no name");
    return "UTC";
  }),
  to_epoch: attribute<Datetime>(types.NUMBER, (d) => fromFloat(epochSeconds(d))),
};

const DURATION_ATTRIBUTES: Table = {
  days: attribute<Timedelta>(types.NUMBER, (t) => t.days),
  seconds: attribute<Timedelta>(types.NUMBER, (t) => t.seconds),
  microseconds: attribute<Timedelta>(types.NUMBER, (t) => t.micros),
  total_seconds: attribute<Timedelta>(types.NUMBER, (t) => fromFloat(totalSeconds(t))),
};

const listed = (list: (mapping: Mapping) => RuleValue[]) =>
  attribute<Mapping>(types.ARRAY, (mapping, frame) => {
    charge(frame, sizeOf(mapping));
    return list(mapping);
  });

const TABLES: Partial<Record<Kind, Table>> = {
  text: TEXT_ATTRIBUTES,
  bytes: BYTES_ATTRIBUTES,
  number: NUMBER_ATTRIBUTES,
  datetime: DATETIME_ATTRIBUTES,
  duration: DURATION_ATTRIBUTES,
  array: { ...SIZED, ...ENDS, ...COLLECTED },
  set: { ...SIZED, ...COLLECTED },
  mapping: { ...SIZED, keys: listed(keysOf), values: listed(membersOf) },
};
