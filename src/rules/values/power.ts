import { Decimal as Big } from "decimal.js";
import { divide } from "./arithmetic.ts";
import {
  adjusted,
  Decimal,
  digitCount,
  EXPONENT_MAX,
  exact,
  finish,
  infinity,
  isWhole,
  type Numeric,
  PRECISION,
  tenTo,
  toBigInt,
  toDecimal,
} from "./decimal.ts";
import { RuleError } from "./errors.ts";
import { charge, type Meter } from "./limits.ts";

// `**`. Whole powers multiply; others are exp(y ln x), which decimal.js computes to more digits than are kept.

const WORKING_DIGITS = 44;
/** Cost of a logarithm and an exponential: some milliseconds. */
const REAL_POWER_STEPS = 5000;
/** Cost of each bit of a whole exponent: one or two multiplications of long numbers. */
const STEPS_PER_BIT = 8;
/** decimal.js turns results outside its own range into zero or Infinity, and that range is far wider than ours. */
const Working = Big.clone({ precision: WORKING_DIGITS, maxE: 9e15, minE: -9e15 });

/** Raises to a power and charges for it: by far the most expensive operator. */
export function power(base: Numeric, exponent: Numeric, meter: Meter): Numeric {
  const x = toDecimal(base);
  const y = toDecimal(exponent);
  if (x.special === "nan" || y.special === "nan") return x.special === "nan" ? x : y;
  const yZero = !y.special && y.digits === 0n;
  const xZero = !x.special && x.digits === 0n;
  const whole = isWhole(y);
  const negative = x.negative && whole && isOdd(y);
  if (xZero) {
    if (yZero) throw new RuleError("zero to the power of zero has no defined result");
    return y.negative ? infinity(negative) : exact(negative, 0n, 0);
  }
  if (x.negative && !whole) throw new RuleError("a root of a negative number has no defined result");
  if (y.special) return toInfinity(x, y);
  if (x.special) return yZero ? 1 : y.negative ? exact(negative, 0n, 0) : infinity(negative);
  if (yZero) return 1;
  charge(meter, whole ? STEPS_PER_BIT * Math.max(1, Math.min(adjusted(y) + 1, 16)) * 3.4 : REAL_POWER_STEPS);
  return whole ? toWholePower(x, y, negative) : toRealPower(x, y);
}

const isOdd = (d: Decimal) =>
  d.exponent > 0 || -d.exponent >= digitCount(d.digits) ? false : (d.digits / tenTo(-d.exponent)) % 2n === 1n;

/** One with as many zeros as 28 digits allow, which is how Python marks an inexact one. */
const INEXACT_ONE = new Decimal(false, tenTo(PRECISION - 1), 1 - PRECISION);

function toInfinity(x: Decimal, y: Decimal): Numeric {
  if (!x.special && adjusted(x) === 0 && x.digits === tenTo(-x.exponent)) return INEXACT_ONE;
  const large = x.special !== null || adjusted(x) >= 0;
  return large === !y.negative ? infinity(false) : 0;
}

/** Square and multiply, rounded to a few digits more than are kept; the loop runs at most once for each bit. */
function toWholePower(x: Decimal, y: Decimal, negative: boolean): Numeric {
  const places = adjusted(x);
  const isOne = x.digits === tenTo(Math.max(0, digitCount(x.digits) - 1));
  if (adjusted(y) > 15) {
    // 1 to any power; all other bases leave the range long before.
    if (isOne && places === 0) return new Decimal(negative, INEXACT_ONE.digits, INEXACT_ONE.exponent);
    if (places >= 0 !== y.negative) throw new RuleError("the number is too large");
    return finish(negative, 0n, Number.NEGATIVE_INFINITY);
  }
  let left = toBigInt(y);
  let factor = { digits: x.digits, exponent: x.exponent };
  if (left < 0n) {
    left = -left;
    factor = reciprocal(x);
  }
  let result = { digits: 1n, exponent: 0 };
  for (;;) {
    if (left & 1n) result = product(result, factor);
    left >>= 1n;
    if (left === 0n) return finish(negative, result.digits, result.exponent);
    factor = product(factor, factor);
    if (Math.abs(factor.exponent) > 4 * EXPONENT_MAX + 4 * digitCount(factor.digits)) {
      if (factor.exponent > 0) throw new RuleError("the number is too large");
      return finish(negative, 0n, Number.NEGATIVE_INFINITY);
    }
  }
}

type Scaled = { digits: bigint; exponent: number };

function product(a: Scaled, b: Scaled): Scaled {
  return shorten({ digits: a.digits * b.digits, exponent: a.exponent + b.exponent });
}

function shorten({ digits, exponent }: Scaled): Scaled {
  const excess = digitCount(digits) - WORKING_DIGITS;
  if (excess <= 0) return { digits, exponent };
  const unit = tenTo(excess);
  const kept = digits / unit;
  return { digits: (digits % unit) * 2n >= unit ? kept + 1n : kept, exponent: exponent + excess };
}

function reciprocal(x: Decimal): Scaled {
  const short = toDecimal(divide(1, new Decimal(false, x.digits, x.exponent)));
  const back = toDecimal(finish(false, short.digits * x.digits, short.exponent + x.exponent));
  if (back.digits === tenTo(-back.exponent) && short.digits * x.digits === tenTo(-short.exponent - x.exponent))
    return short;
  const room = WORKING_DIGITS + digitCount(x.digits);
  return shorten({ digits: tenTo(room) / x.digits, exponent: -room - x.exponent });
}

function toRealPower(x: Decimal, y: Decimal): Numeric {
  const asBig = (d: Decimal) => new Working(`${d.negative ? "-" : ""}${d.digits}e${d.exponent}`);
  // Decided with doubles first, to spend no time on digits of results that are out of range.
  const magnitude = Number(asBig(y)) * (Math.log10(Number(`0.${x.digits}`)) + digitCount(x.digits) + x.exponent);
  if (magnitude > EXPONENT_MAX + 2) throw new RuleError("the number is too large");
  if (magnitude < -EXPONENT_MAX - 2 * PRECISION) return finish(false, 0n, Number.NEGATIVE_INFINITY);
  const result = asBig(x).pow(asBig(y));
  const [mantissa = "0", exponent = "0"] = result.toExponential(WORKING_DIGITS - 1).split("e");
  const digits = BigInt(mantissa.replace(".", ""));
  return finish(false, digits, Number(exponent) - WORKING_DIGITS + 1);
}
