import {
  adjusted,
  compareNumbers,
  type Decimal,
  digitCount,
  exact,
  finish,
  fromBigInt,
  infinity,
  isWhole,
  NAN,
  type Numeric,
  PRECISION,
  tenTo,
  toBigInt,
  toDecimal,
} from "./decimal.ts";
import { RuleError } from "./errors.ts";

// The operations of Python's default decimal context: 28 digits; an invalid operation, a division by zero and an
// overflow are errors. Whole doubles with an exact result take a fast path, where both agree to the last digit and the
// sign of zero.

const undefinedOperation = () => new RuleError("the operation has no defined result");
const divisionByZero = () => new RuleError("division by zero");
const eitherNan = (x: Decimal, y: Decimal) => x.special === "nan" || y.special === "nan";
const isZero = (x: Decimal) => x.special === null && x.digits === 0n;

export function add(a: Numeric, b: Numeric): Numeric {
  if (typeof a === "number" && typeof b === "number" && Number.isSafeInteger(a) && Number.isSafeInteger(b)) {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const x = toDecimal(a);
  const y = toDecimal(b);
  if (eitherNan(x, y)) return NAN;
  if (x.special && y.special && x.negative !== y.negative) throw undefinedOperation();
  if (x.special) return x;
  if (y.special) return y;

  const least = Math.min(x.exponent, y.exponent);
  if (isZero(x) && isZero(y)) return finish(x.negative && y.negative, 0n, least);
  if (isZero(x)) return padded(y, Math.max(least, y.exponent - PRECISION - 1));
  if (isZero(y)) return padded(x, Math.max(least, x.exponent - PRECISION - 1));

  const [left, right, exponent] = align(x, y);
  const sum = (x.negative ? -left : left) + (y.negative ? -right : right);
  return finish(sum < 0n, sum < 0n ? -sum : sum, exponent);
}

const padded = (d: Decimal, exponent: number) => finish(d.negative, d.digits * tenTo(d.exponent - exponent), exponent);

/**
 * Coefficients at one exponent. A part too small to matter is replaced by one unit far to the right, which still breaks
 * ties.
 */
function align(x: Decimal, y: Decimal): [bigint, bigint, number] {
  const [upper, lower] = x.exponent < y.exponent ? [y, x] : [x, y];
  const far = upper.exponent + Math.min(-1, digitCount(upper.digits) - PRECISION - 2);
  const small = adjusted(lower) < far;
  const exponent = small ? far : lower.exponent;
  const raised = upper.digits * tenTo(upper.exponent - exponent);
  const low = small ? 1n : lower.digits;
  return upper === x ? [raised, low, exponent] : [low, raised, exponent];
}

export const subtract = (a: Numeric, b: Numeric): Numeric => add(a, copyNegated(b));

/** The same digits with the opposite sign; unlike `negate`, also for zero. */
export function copyNegated(n: Numeric): Numeric {
  if (typeof n === "number") return -n;
  if (n.special) return n.special === "nan" ? n : infinity(!n.negative);
  return exact(!n.negative, n.digits, n.exponent);
}

/** Minus a number: rounded, and minus zero is zero. */
export function negate(n: Numeric): Numeric {
  if (typeof n === "number" && Number.isSafeInteger(n)) return n === 0 ? 0 : -n;
  const d = toDecimal(n);
  if (d.special) return d.special === "nan" ? d : infinity(!d.negative);
  return finish(isZero(d) ? false : !d.negative, d.digits, d.exponent);
}

export function absolute(n: Numeric): Numeric {
  const d = toDecimal(n);
  if (d.special) return d.special === "nan" ? d : infinity(false);
  return finish(false, d.digits, d.exponent);
}

export function multiply(a: Numeric, b: Numeric): Numeric {
  if (typeof a === "number" && typeof b === "number" && Number.isSafeInteger(a) && Number.isSafeInteger(b)) {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product;
  }
  const x = toDecimal(a);
  const y = toDecimal(b);
  if (eitherNan(x, y)) return NAN;
  const negative = x.negative !== y.negative;
  if (x.special || y.special) {
    if (isZero(x) || isZero(y)) throw undefinedOperation();
    return infinity(negative);
  }
  return finish(negative, x.digits * y.digits, x.exponent + y.exponent);
}

export function divide(a: Numeric, b: Numeric): Numeric {
  const x = toDecimal(a);
  const y = toDecimal(b);
  if (eitherNan(x, y)) return NAN;
  const negative = x.negative !== y.negative;
  if (x.special && y.special) throw undefinedOperation();
  if (x.special) return infinity(negative);
  if (y.special) return finish(negative, 0n, Number.NEGATIVE_INFINITY);
  if (isZero(y)) throw divisionByZero();
  if (isZero(x)) return finish(negative, 0n, x.exponent - y.exponent);

  const shift = digitCount(y.digits) - digitCount(x.digits) + PRECISION + 1;
  const dividend = shift >= 0 ? x.digits * tenTo(shift) : x.digits;
  const divisor = shift >= 0 ? y.digits : y.digits * tenTo(-shift);
  let quotient = dividend / divisor;
  let exponent = x.exponent - y.exponent - shift;
  if (dividend % divisor !== 0n) {
    // One digit more than is kept, so that it cannot look like an exact half.
    if (quotient % 5n === 0n) quotient++;
  } else {
    // An exact quotient is as short as the operands' exponents allow.
    const ideal = x.exponent - y.exponent;
    while (exponent < ideal && quotient % 10n === 0n) {
      quotient /= 10n;
      exponent++;
    }
  }
  return finish(negative, quotient, exponent);
}

/**
 * The quotient rounded towards zero, and the remainder with the dividend's sign. A quotient of more than 28 digits is
 * refused.
 */
function divideWhole(x: Decimal, y: Decimal): { quotient: Numeric; remainder: Numeric } {
  const negative = x.negative !== y.negative;
  const places = isZero(x) || y.special ? 0 : adjusted(x) - adjusted(y);
  if (isZero(x) || y.special || places <= -2) {
    const least = y.special ? x.exponent : Math.min(x.exponent, y.exponent);
    const remainder = isZero(x) ? finish(x.negative, 0n, least) : padded(x, least);
    return { quotient: exact(negative, 0n, 0), remainder };
  }
  if (places <= PRECISION) {
    const least = Math.min(x.exponent, y.exponent);
    const dividend = x.digits * tenTo(x.exponent - least);
    const divisor = y.digits * tenTo(y.exponent - least);
    const quotient = dividend / divisor;
    if (quotient < tenTo(PRECISION)) {
      return { quotient: exact(negative, quotient, 0), remainder: finish(x.negative, dividend % divisor, least) };
    }
  }
  throw new RuleError("the quotient is too large");
}

export function floorDivide(a: Numeric, b: Numeric): Numeric {
  const x = toDecimal(a);
  const y = toDecimal(b);
  if (eitherNan(x, y)) return NAN;
  if (x.special) {
    if (y.special) throw undefinedOperation();
    return infinity(x.negative !== y.negative);
  }
  if (isZero(y)) throw divisionByZero();
  return divideWhole(x, y).quotient;
}

export function remainder(a: Numeric, b: Numeric): Numeric {
  if (typeof a === "number" && typeof b === "number" && Number.isSafeInteger(a) && Number.isSafeInteger(b) && b !== 0) {
    return a % b;
  }
  const x = toDecimal(a);
  const y = toDecimal(b);
  if (eitherNan(x, y)) return NAN;
  if (x.special) throw undefinedOperation();
  if (isZero(y)) throw divisionByZero();
  return divideWhole(x, y).remainder;
}

/** The next whole number below (`floor`) or above (`ceiling`), with all of its digits. */
export function toWhole(n: Numeric, direction: "floor" | "ceiling"): Numeric {
  if (typeof n !== "number" && n.special) return n;
  const towardsZero = toBigInt(n);
  if (isWhole(n)) return fromBigInt(towardsZero);
  const below = (compareNumbers(n, 0) as number) < 0 ? towardsZero - 1n : towardsZero;
  return fromBigInt(direction === "floor" ? below : below + 1n);
}
