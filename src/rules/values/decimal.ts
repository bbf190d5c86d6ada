import { RuleError } from "./errors.ts";
import { INTEGER_DIGITS_MAX } from "./limits.ts";

// Numbers like those of Python's `decimal`: a coefficient and a power of ten, kept apart so that 1.10 + 1.20 is 2.30.
// decimal.js drops trailing zeros and so cannot be the representation; it is used for irrational results (power.ts).

/** A decimal that is not a plain `number`. `special` numbers have no digits. */
export class Decimal {
  readonly negative: boolean;
  readonly digits: bigint;
  readonly exponent: number;
  readonly special: "inf" | "nan" | null;

  constructor(negative: boolean, digits: bigint, exponent: number, special: "inf" | "nan" | null = null) {
    this.negative = negative;
    this.digits = digits;
    this.exponent = exponent;
    this.special = special;
  }
}

/**
 * A rule's number. A finite `number` x stands for the decimal of its shortest notation, as Python reads JSON numbers.
 * Doubles and their shortest notations have the same order, so two of them compare as doubles.
 */
export type Numeric = number | Decimal;

export const NAN = new Decimal(false, 0n, 0, "nan");
export const INFINITY = new Decimal(false, 0n, 0, "inf");
export const MINUS_INFINITY = new Decimal(true, 0n, 0, "inf");
export const infinity = (negative: boolean) => (negative ? MINUS_INFINITY : INFINITY);

/** Limits of Python's default context. */
export const PRECISION = 28;
export const EXPONENT_MAX = 999_999;
const EXPONENT_TINY = -999_999 - PRECISION + 1;

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const powers: bigint[] = [1n];
export function tenTo(power: number): bigint {
  if (power > 2 * INTEGER_DIGITS_MAX) return 10n ** BigInt(power);
  for (let known = powers.length; known <= power; known++) powers.push((powers[known - 1] as bigint) * 10n);
  return powers[power] as bigint;
}

export const digitCount = (digits: bigint) => digits.toString().length;

/** The exponent of the first digit. */
export const adjusted = (d: Decimal) => d.exponent + digitCount(d.digits) - 1;

/** Whole numbers that a double represents exactly are kept as doubles. */
export function exact(negative: boolean, digits: bigint, exponent: number): Numeric {
  if (exponent === 0 && digits <= SAFE) return negative ? -Number(digits) : Number(digits);
  return new Decimal(negative, digits, exponent);
}

export function toDecimal(n: Numeric): Decimal {
  if (typeof n !== "number") return n;
  const negative = n < 0 || Object.is(n, -0);
  if (Number.isInteger(n)) return new Decimal(negative, BigInt(Math.abs(n)), 0);
  return parts(String(Math.abs(n)), negative);
}

/** Reads `12`, `.5`, `1.`, `1.5e-7`: digits with at most one dot, and an exponent. */
function parts(text: string, negative: boolean): Decimal {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return new Decimal(negative, BigInt(whole + fraction), Number(exponent) - fraction.length);
}

/** The decimal of a literal, with all of its digits. */
export function parseUnsigned(text: string): Numeric {
  const double = Number(text);
  if (String(double) === text && Math.abs(double) < 1e15) return double;
  const { digits, exponent } = parts(text, false);
  return exact(false, digits, exponent);
}

/** The decimal that Python makes of a binary float: that of its `repr`, `5.0` for five. */
export function fromFloat(x: number): Numeric {
  if (Number.isNaN(x)) return NAN;
  if (!Number.isFinite(x)) return infinity(x < 0);
  if (!Number.isInteger(x)) return x;
  const negative = x < 0 || Object.is(x, -0);
  if (Math.abs(x) < 1e16) return new Decimal(negative, BigInt(Math.abs(x)) * 10n, -1);
  return parts(Math.abs(x).toExponential(), negative);
}

export function fromBigInt(n: bigint): Numeric {
  const negative = n < 0n;
  return exact(negative, negative ? -n : n, 0);
}

/** Rounds to 28 digits, half to even, as every operation does at its end; overflow is an error, underflow is zero. */
export function finish(negative: boolean, digits: bigint, exponent: number): Numeric {
  if (digits === 0n) {
    return exact(negative, 0n, Math.min(Math.max(exponent, EXPONENT_TINY), EXPONENT_MAX));
  }
  const length = digitCount(digits);
  const excess = Math.max(length - PRECISION, EXPONENT_TINY - exponent);
  let rounded = digits;
  let scale = exponent;
  if (excess > 0) {
    rounded = excess > length ? 0n : dropDigits(digits, excess);
    scale += excess;
    if (rounded >= tenTo(PRECISION)) {
      rounded /= 10n;
      scale++;
    }
  }
  if (rounded !== 0n && scale + digitCount(rounded) - 1 > EXPONENT_MAX) throw new RuleError("the number is too large");
  return exact(negative, rounded, scale);
}

function dropDigits(digits: bigint, count: number): bigint {
  const unit = tenTo(count);
  const kept = digits / unit;
  const twice = (digits % unit) * 2n;
  return twice > unit || (twice === unit && kept % 2n === 1n) ? kept + 1n : kept;
}

/** Negative, zero or positive; undefined if either is not a number. */
export function compareNumbers(a: Numeric, b: Numeric): number | undefined {
  if (typeof a === "number" && typeof b === "number") return a < b ? -1 : a > b ? 1 : 0;
  const x = toDecimal(a);
  const y = toDecimal(b);
  if (x.special === "nan" || y.special === "nan") return undefined;
  const signs = signOf(x) - signOf(y);
  if (signs !== 0 || signOf(x) === 0) return signs;
  return compareMagnitudes(x, y) * signOf(x);
}

const signOf = (d: Decimal) => (d.special === null && d.digits === 0n ? 0 : d.negative ? -1 : 1);

/**
 * Compares the positions of the first digits before multiplying out: 1e999999999 does not fit in memory as an integer.
 */
function compareMagnitudes(x: Decimal, y: Decimal): number {
  if (x.special || y.special) return (x.special ? 1 : 0) - (y.special ? 1 : 0);
  const places = adjusted(x) - adjusted(y);
  if (places !== 0) return places;
  const exponent = Math.min(x.exponent, y.exponent);
  const left = x.digits * tenTo(x.exponent - exponent);
  const right = y.digits * tenTo(y.exponent - exponent);
  return left < right ? -1 : left > right ? 1 : 0;
}

export function isZero(n: Numeric): boolean {
  return typeof n === "number" ? n === 0 : n.special === null && n.digits === 0n;
}

export function isWhole(n: Numeric): boolean {
  if (typeof n === "number") return Number.isInteger(n);
  if (n.special) return false;
  if (n.exponent >= 0 || n.digits === 0n) return true;
  return -n.exponent <= digitCount(n.digits) && n.digits % tenTo(-n.exponent) === 0n;
}

/** The whole number next to `n` towards zero; refuses one of more digits than Python would write. */
export function toBigInt(n: Numeric): bigint {
  if (typeof n === "number") return BigInt(Math.trunc(n));
  if (n.special) throw new RuleError("the number is not finite");
  if (n.digits !== 0n && adjusted(n) >= INTEGER_DIGITS_MAX) throw new RuleError("the number is too large");
  const whole =
    n.digits === 0n || -n.exponent > digitCount(n.digits)
      ? 0n
      : n.exponent >= 0
        ? n.digits * tenTo(n.exponent)
        : n.digits / tenTo(-n.exponent);
  return n.negative ? -whole : whole;
}

/** Like Python's `str` of a decimal: scientific if the exponent is positive or the number is small. */
export function formatNumber(n: Numeric): string {
  if (typeof n === "number" && Number.isSafeInteger(n)) return Object.is(n, -0) ? "-0" : String(n);
  const { negative, digits, exponent, special } = toDecimal(n);
  const sign = negative ? "-" : "";
  if (special) return special === "nan" ? "nan" : `${sign}inf`;
  const all = digits.toString();
  const first = exponent + all.length - 1;
  if (exponent <= 0 && first >= -6) {
    if (exponent === 0) return sign + all;
    const padded = all.padStart(1 - exponent, "0");
    return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
  }
  const mantissa = all.length === 1 ? all : `${all[0]}.${all.slice(1)}`;
  return `${sign}${mantissa}E${first < 0 ? "-" : "+"}${Math.abs(first)}`;
}
