import { compareNumbers, Decimal, exact, type Numeric, toDecimal } from "./decimal.ts";
import { RuleError } from "./errors.ts";
import { charge, type Meter } from "./limits.ts";
import { compareDurations, compareInstants, Datetime, Timedelta } from "./times.ts";
import {
  isArray,
  isNumber,
  keysOf,
  kindOf,
  type Mapping,
  membersOf,
  RuleFunction,
  RuleMapping,
  RuleSet,
  type RuleValue,
  sizeOf,
} from "./values.ts";

/**
 * Python's `==` between members: numbers and booleans compare with each other, mappings compare in order, all others by
 * value.
 */
export function equals(a: RuleValue, b: RuleValue, meter: Meter): boolean {
  if (a === b) return !(a instanceof Decimal && a.special === "nan");
  charge(meter, 1);
  if (typeof a === "boolean" || typeof b === "boolean") {
    if (typeof a === "boolean" && typeof b === "boolean") return false;
    return typeof a === "boolean" ? equals(Number(a), b, meter) : equals(a, Number(b), meter);
  }
  if (isNumber(a)) return isNumber(b) && compareNumbers(a, b) === 0;
  const kind = kindOf(a);
  if (kind !== kindOf(b)) return false;
  switch (kind) {
    case "array":
      return allEqual(a as RuleValue[], b as RuleValue[], meter);
    case "mapping":
      return mappingsEqual(a as Mapping, b as Mapping, meter);
    case "set":
      return (a as RuleSet).members.size === (b as RuleSet).members.size && isSubset(a as RuleSet, b as RuleSet, meter);
    case "datetime":
      return compareInstants(a as Datetime, b as Datetime) === 0;
    case "duration":
      return compareDurations(a as Timedelta, b as Timedelta) === 0;
    case "bytes":
      return compareBytes(a as Uint8Array, b as Uint8Array, meter) === 0;
    default:
      return false; // texts, null and functions are equal only if identical
  }
}

const allEqual = (a: RuleValue[], b: RuleValue[], meter: Meter) =>
  a.length === b.length && a.every((member, i) => equals(member, b[i] as RuleValue, meter));

/** Both are ordered mappings in Python, whose equality depends on the order. */
function mappingsEqual(a: Mapping, b: Mapping, meter: Meter): boolean {
  if (sizeOf(a) !== sizeOf(b)) return false;
  charge(meter, sizeOf(a));
  return allEqual(keysOf(a), keysOf(b), meter) && allEqual(membersOf(a), membersOf(b), meter);
}

export function isSubset(a: RuleSet, b: RuleSet, meter: Meter): boolean {
  charge(meter, a.members.size);
  for (const key of a.members.keys()) if (!b.members.has(key)) return false;
  return true;
}

export function compareBytes(a: Uint8Array, b: Uint8Array, meter: Meter): number {
  charge(meter, Math.min(a.length, b.length) / 64);
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  }
  return a.length - b.length;
}

/** A text that is the same for equal values, to key a JavaScript Map; refuses what Python cannot hash. */
export function hashKey(value: RuleValue, meter: Meter): string {
  charge(meter, 1);
  if (typeof value === "string") return `s${value}`;
  if (value === null) return "null";
  if (typeof value === "boolean") return value ? "d1" : "d0";
  if (isNumber(value)) return `d${numberKey(value)}`;
  if (isArray(value)) {
    const keys = value.map((member) => hashKey(member, meter));
    charge(meter, keys.reduce((length, key) => length + key.length, 0) / 64);
    // With lengths, because texts may contain any separator.
    return `a${keys.map((key) => `${key.length}:${key}`).join("")}`;
  }
  if (value instanceof Datetime) return `t${value.seconds - value.offset}.${value.micros}`;
  if (value instanceof Timedelta) return `p${value.days},${value.seconds},${value.micros}`;
  if (value instanceof Uint8Array)
    return `b${String.fromCharCode(...value.subarray(0, 4096))}${value.length > 4096 ? value.join() : ""}`;
  if (value instanceof RuleFunction) return `f${functionNumber(value)}`;
  throw new RuleError("a set or a mapping cannot be a key or a member of a set");
}

let nanCount = 0;

function numberKey(n: Numeric): string {
  if (typeof n === "number" && Number.isSafeInteger(n)) return String(n === 0 ? 0 : n);
  const d = toDecimal(n);
  // `nan` never equals itself.
  if (d.special === "nan") return `nan${nanCount++}`;
  const sign = d.negative ? "-" : "";
  if (d.special) return `${sign}inf`;
  if (d.digits === 0n) return "0";
  let { digits, exponent } = d;
  while (digits % 10n === 0n) {
    digits /= 10n;
    exponent++;
  }
  if (exponent >= 0 && exponent < 16) {
    const plain = exact(false, digits * 10n ** BigInt(exponent), 0);
    if (!(plain instanceof Decimal)) return `${sign}${plain}`;
  }
  return `${sign}${digits}e${exponent}`;
}

const functionNumbers = new WeakMap<RuleFunction, number>();
let functionCount = 0;
function functionNumber(value: RuleFunction): number {
  const known = functionNumbers.get(value) ?? functionCount++;
  functionNumbers.set(value, known);
  return known;
}

export function makeSet(members: Iterable<RuleValue>, meter: Meter): RuleSet {
  const byKey = new Map<string, RuleValue>();
  for (const member of members) {
    const key = hashKey(member, meter);
    if (!byKey.has(key)) byKey.set(key, member);
  }
  return new RuleSet(byKey);
}

/** The value of a key in any mapping, or undefined. */
export function memberOf(mapping: Mapping, key: RuleValue, meter: Meter): RuleValue | undefined {
  const hash = hashKey(key, meter);
  if (mapping instanceof RuleMapping) return mapping.entries.get(hash)?.[1];
  return typeof key === "string" && Object.hasOwn(mapping, key) ? mapping[key] : undefined;
}
