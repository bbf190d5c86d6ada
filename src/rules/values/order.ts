import { compareNumbers } from "./decimal.ts";
import { compareBytes, equals, isSubset } from "./equality.ts";
import { mismatch, RuleError } from "./errors.ts";
import { charge, type Meter } from "./limits.ts";
import { compareTexts } from "./text.ts";
import { compareDurations, compareInstants, type Datetime, type Timedelta } from "./times.ts";
import { isArray, isNumber, kindOf, type RuleSet, type RuleValue } from "./values.ts";

export type Order = "<" | "<=" | ">" | ">=";

const admits = (order: Order, difference: number) =>
  order === "<" ? difference < 0 : order === "<=" ? difference <= 0 : order === ">" ? difference > 0 : difference >= 0;

/** `a < b` and the like: both of the same type; null equals only null; arrays compare by their first difference. */
export function isOrdered(order: Order, a: RuleValue, b: RuleValue, meter: Meter): boolean {
  if (typeof a === "number" && typeof b === "number") return admits(order, a - b);
  if (a === null && b === null) return order === "<=" || order === ">=";
  if (isArray(a) && isArray(b)) return areArraysOrdered(order, a, b, meter);
  const kind = kindOf(a);
  if (kind !== kindOf(b)) throw mismatch(`${kind} ${order} ${kindOf(b)}`);
  if (kind === "set") {
    const [left, right] = order === "<" || order === "<=" ? [a as RuleSet, b as RuleSet] : [b as RuleSet, a as RuleSet];
    const proper = order === "<" || order === ">";
    return isSubset(left, right, meter) && (!proper || left.members.size < right.members.size);
  }
  return admits(order, difference(a, b, meter));
}

function areArraysOrdered(order: Order, a: RuleValue[], b: RuleValue[], meter: Meter): boolean {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const left = a[i] as RuleValue;
    const right = b[i] as RuleValue;
    if (differ(left, right, meter)) return isOrdered(order, left, right, meter);
  }
  return admits(order, a.length - b.length);
}

/** Whether members differ; members of different types cannot be ordered, which is an error. */
function differ(a: RuleValue, b: RuleValue, meter: Meter): boolean {
  charge(meter, 1);
  if (a === null && b === null) return false;
  if (isArray(a) && isArray(b)) {
    for (let i = 0; i < a.length && i < b.length; i++) {
      if (differ(a[i] as RuleValue, b[i] as RuleValue, meter)) return true;
    }
    return a.length !== b.length;
  }
  if (kindOf(a) !== kindOf(b)) throw mismatch(`${kindOf(a)} and ${kindOf(b)} in one ordering`);
  return !equals(a, b, meter);
}

/** Negative, zero or positive for two values of one scalar type. */
function difference(a: RuleValue, b: RuleValue, meter: Meter): number {
  if (isNumber(a) && isNumber(b)) {
    const order = compareNumbers(a, b);
    if (order === undefined) throw new RuleError("nan is neither smaller nor larger");
    return order;
  }
  switch (kindOf(a)) {
    case "text":
      charge(meter, (a as string).length / 256);
      return compareTexts(a as string, b as string);
    case "boolean":
      return Number(a) - Number(b);
    case "datetime":
      return compareInstants(a as Datetime, b as Datetime);
    case "duration":
      return compareDurations(a as Timedelta, b as Timedelta);
    case "bytes":
      return compareBytes(a as Uint8Array, b as Uint8Array, meter);
    default:
      throw mismatch(`${kindOf(a)} has no order`);
  }
}

/**
 * Python's own `a < b`, which `$max` and `$min` use: booleans are numbers, arrays may differ in type after the first
 * difference.
 */
export function isLess(a: RuleValue, b: RuleValue, meter: Meter): boolean {
  charge(meter, 1);
  const left = typeof a === "boolean" ? Number(a) : a;
  const right = typeof b === "boolean" ? Number(b) : b;
  if (isArray(left) && isArray(right)) {
    for (let i = 0; i < left.length && i < right.length; i++) {
      if (!equals(left[i] as RuleValue, right[i] as RuleValue, meter)) {
        return isLess(left[i] as RuleValue, right[i] as RuleValue, meter);
      }
    }
    return left.length < right.length;
  }
  if (left === null) throw mismatch("null has no order");
  return isOrdered("<", left, right, meter);
}
