import { add, subtract } from "./arithmetic.ts";
import { compareNumbers, fromBigInt, isWhole, type Numeric, toBigInt } from "./decimal.ts";
import { equals, hashKey, memberOf } from "./equality.ts";
import { mismatch, RuleError } from "./errors.ts";
import type { Frame } from "./frame.ts";
import { charge, chargeText, INTEGER_DIGITS_MAX } from "./limits.ts";
import { addDuration, addDurations, between, Datetime, negateDuration, Timedelta } from "./times.ts";
import { isArray, isNumber, kindOf, type Mapping, RuleSet, type RuleValue } from "./values.ts";

// The operators on values. Types known at compile time have been checked by compile-operators.ts.

export type Operation = (a: RuleValue, b: RuleValue, frame: Frame) => RuleValue;

const cannot = (a: RuleValue, operator: string, b: RuleValue) => mismatch(`${kindOf(a)} ${operator} ${kindOf(b)}`);

export function plus(a: RuleValue, b: RuleValue, frame: Frame): RuleValue {
  if (isNumber(a) && isNumber(b)) return add(a, b);
  if (typeof a === "string" && typeof b === "string") {
    chargeText(frame, a.length + b.length);
    return a + b;
  }
  if (a instanceof Datetime && b instanceof Timedelta) return addDuration(a, b);
  if (a instanceof Timedelta && b instanceof Datetime) return addDuration(b, a);
  if (a instanceof Timedelta && b instanceof Timedelta) return addDurations(a, b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    chargeText(frame, a.length + b.length);
    const joined = new Uint8Array(a.length + b.length);
    joined.set(a);
    joined.set(b, a.length);
    return joined;
  }
  throw cannot(a, "+", b);
}

export function minus(a: RuleValue, b: RuleValue): RuleValue {
  if (isNumber(a) && isNumber(b)) return subtract(a, b);
  if (a instanceof Datetime && b instanceof Datetime) return between(a, b);
  if (a instanceof Datetime && b instanceof Timedelta) return addDuration(a, negateDuration(b));
  if (a instanceof Timedelta && b instanceof Timedelta) return addDurations(a, negateDuration(b));
  throw cannot(a, "-", b);
}

/** An operation on numbers only. */
export const numeric =
  (operator: string, apply: (a: Numeric, b: Numeric, frame: Frame) => Numeric): Operation =>
  (a, b, frame) => {
    if (!isNumber(a) || !isNumber(b)) throw cannot(a, operator, b);
    return apply(a, b, frame);
  };

/** A natural number or zero; refuses any other value. */
export function natural(value: RuleValue): bigint {
  if (isNumber(value) && isWhole(value)) {
    const n = toBigInt(value);
    if (n >= 0n) return n;
  }
  throw mismatch("not a natural number");
}

/** `& | ^` of natural numbers or of sets. */
export const bitwise =
  (
    operator: string,
    ofNumbers: (a: bigint, b: bigint) => bigint,
    ofSets: (inLeft: boolean, inRight: boolean) => boolean,
  ): Operation =>
  (a, b, frame) => {
    if (a instanceof RuleSet && b instanceof RuleSet) return combineSets(a, b, ofSets, frame);
    if (!isNumber(a) || !isNumber(b)) throw cannot(a, operator, b);
    return fromBigInt(ofNumbers(natural(a), natural(b)));
  };

function combineSets(a: RuleSet, b: RuleSet, keep: (inA: boolean, inB: boolean) => boolean, frame: Frame): RuleSet {
  charge(frame, a.members.size + b.members.size);
  const members = new Map<string, RuleValue>();
  for (const [key, member] of a.members) if (keep(true, b.members.has(key))) members.set(key, member);
  for (const [key, member] of b.members) if (!a.members.has(key) && keep(false, true)) members.set(key, member);
  return new RuleSet(members);
}

/** Bits of the largest whole number that Python writes out. */
const SHIFT_MAX = BigInt(Math.ceil(INTEGER_DIGITS_MAX * Math.log2(10)));

export const shift =
  (direction: "<<" | ">>"): Operation =>
  (a, b, frame) => {
    if (!isNumber(a) || !isNumber(b)) throw cannot(a, direction, b);
    const left = natural(a);
    const right = natural(b);
    if (direction === ">>") return right > SHIFT_MAX ? 0 : fromBigInt(left >> right);
    if (left === 0n) return 0;
    if (right > SHIFT_MAX) throw new RuleError("the number is too large");
    const shifted = left << right;
    charge(frame, Number(right) / 64);
    if (shifted >= LARGEST) throw new RuleError("the number is too large");
    return fromBigInt(shifted);
  };

const LARGEST = 10n ** BigInt(INTEGER_DIGITS_MAX);

/** `==`: only values of the same type are equal. */
export function areEqual(a: RuleValue, b: RuleValue, frame: Frame): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  // First, because `nan` does not equal itself.
  if (isNumber(a) || isNumber(b)) return isNumber(a) && isNumber(b) && compareNumbers(a, b) === 0;
  return kindOf(a) === kindOf(b) && equals(a, b, frame);
}

/** `member in container`: of an array or set, a key of a mapping, a substring of a text or of bytes. */
export function contains(container: RuleValue, member: RuleValue, frame: Frame): boolean {
  if (isArray(container)) return container.some((candidate) => equals(candidate, member, frame));
  if (typeof container === "string" && typeof member === "string") {
    charge(frame, container.length / 64);
    return container.includes(member);
  }
  if (container instanceof RuleSet) {
    // Python looks for the frozenset of a set, and no set contains sets.
    return !(member instanceof RuleSet) && container.members.has(hashKey(member, frame));
  }
  if (container instanceof Uint8Array && member instanceof Uint8Array) return containsBytes(container, member, frame);
  if (kindOf(container) === "mapping") return memberOf(container as Mapping, member, frame) !== undefined;
  throw cannot(member, "in", container);
}

function containsBytes(bytes: Uint8Array, part: Uint8Array, frame: Frame): boolean {
  charge(frame, (bytes.length * (1 + part.length)) / 64);
  for (let at = 0; at + part.length <= bytes.length; at++) {
    if (part.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}
