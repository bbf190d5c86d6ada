import { copyNegated } from "./arithmetic.ts";
import { fromBigInt, INFINITY, infinity, NAN, type Numeric, parseUnsigned } from "./decimal.ts";
import { RuleError } from "./errors.ts";
import { LITERAL_EXPONENT_MAX } from "./limits.ts";
import { strip } from "./text.ts";

// Literals as written; their meaning follows Python's `ast.literal_eval` and `decimal.Decimal`.

/** The number that a rule writes: `12`, `.5`, `1e3`, `0x1f`, `inf`. A leading zero is refused, as in Python. */
export function readNumber(text: string): Numeric {
  if (text === "inf") return INFINITY;
  if (text === "nan") return NAN;
  if (/^0[0-9]/.test(text)) throw new RuleError("a number does not begin with a zero");
  if (/^0[box]/.test(text)) return fromBigInt(BigInt(text));
  const exponent = Number(/[eE](.*)$/.exec(text)?.[1] ?? 0);
  if (Math.abs(exponent) > LITERAL_EXPONENT_MAX) throw new RuleError("the exponent is too large");
  return parseUnsigned(text);
}

const SIMPLE: Record<string, string> = {
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};
const ESCAPE = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/gu;

function assertQuotable(quoted: string): void {
  if (/[\0\r]/.test(quoted)) throw new RuleError("a text cannot hold this character unless it is escaped");
}

/** The text between quotes. An unknown escape stays unchanged, including the backslash, as in Python. */
export function readText(quoted: string): string {
  assertQuotable(quoted);
  return quoted.slice(1, -1).replace(ESCAPE, (all, octal, hex, short, long, other) => {
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const code = hex ?? short ?? long;
    if (code !== undefined) return characterOf(Number.parseInt(code, 16));
    // x, u and U without their digits.
    if ("xuU".includes(other)) throw new RuleError(`the escape ${all} lacks digits`);
    if (other === "N") throw new RuleError("characters cannot be written by name");
    return SIMPLE[other] ?? all;
  });
}

function characterOf(code: number): string {
  // A lone surrogate cannot be stored, sent or searched.
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw new RuleError("an escape is not a character");
  return String.fromCodePoint(code);
}

/** The bytes between quotes: ASCII and escapes; `\u`, `\U` and `\N` are not escapes here. */
export function readBytes(quoted: string): Uint8Array {
  assertQuotable(quoted);
  if (/[^\0-\x7f]/.test(quoted)) throw new RuleError("bytes are written in ASCII");
  const latin = quoted.slice(1, -1).replace(ESCAPE, (all, octal, hex, _short, _long, other) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (other === "x") throw new RuleError(`the escape ${all} lacks digits`);
    return SIMPLE[other] ?? all;
  });
  return Uint8Array.from(latin, (char) => char.charCodeAt(0));
}

const SPELT = /^([+-]?)(?:([0-9]+\.?[0-9]*|\.[0-9]+)(?:e([+-]?[0-9]+))?|(inf(?:inity)?)|(nan[0-9]*))$/i;

/**
 * The numbers that `$parse_float` reads: a literal, or what Python's `Decimal` also accepts: signs, `Infinity`,
 * `1_000`, spaces.
 */
export function parseNumber(text: string): Numeric {
  if (/^0[box]/.test(text)) {
    if (!/^0(b[01]+|o[0-7]+|x[0-9a-fA-F]+)$/.test(text)) throw new RuleError("not a number");
    return fromBigInt(BigInt(text));
  }
  if (/^0[0-9]/.test(text)) throw new RuleError("a number does not begin with a zero");
  const found = SPELT.exec(strip(text).replaceAll("_", ""));
  if (!found) throw new RuleError("not a number");
  const [, sign, mantissa, exponent, inf] = found;
  if (inf) return infinity(sign === "-");
  if (mantissa === undefined) return NAN;
  if (Math.abs(Number(exponent ?? 0)) > LITERAL_EXPONENT_MAX) throw new RuleError("the exponent is too large");
  const unsigned = parseUnsigned(exponent === undefined ? mantissa : `${mantissa}e${exponent}`);
  return sign === "-" ? copyNegated(unsigned) : unsigned;
}
