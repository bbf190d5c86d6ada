import type { JsonObject } from "../../src/kernel/json.ts";
import type { Chance } from "./chance.ts";

// Random rules for the comparison with rule-engine. Their parts fit each other, so most evaluate to a value. Left out:
// what the specification defines differently (missing names and keys, keys named like attributes), what is different on
// purpose (see src/rules/rule.ts), and the order of sets, which Python does not fix.

export const SCOPE: JsonObject = {
  n: 7,
  half: 0.5,
  minus: -2.25,
  big: 123456789012,
  name: "Zählerstand 42",
  word: "meter",
  empty: "",
  emoji: "a😀b",
  lines: "tea\nat x-1\n",
  line: "eta\n",
  odd: "[a]-{x}.A&/0\u00a0\u0664",
  yes: true,
  no: false,
  nothing: null,
  numbers: [3, 1, 2.5, -4],
  words: ["water", "gas", "heat"],
  mixed: [1, "two", null, true, [5]],
  none: [],
  nested: [[1, 2], [3], [4, 5, 6]],
  account: "0b7c1f2e-5a64-4d0b-9c1f-3f2a7be41d10",
  entry_name: "serial",
  value_changed_ts: 1707997392.123,
  USER: { company: "acme", profession: "accounting" },
  TWIN: { kind: "cat", company: "acme", size: { width: 3, height: 4.5 }, tags: ["a", "b"], gone: null },
  LEDGER: { serial: 12, public: ["serial", "color"], color: "red", open: true },
};

export type Type =
  | "number"
  | "whole"
  | "text"
  | "boolean"
  | "datetime"
  | "duration"
  | "bytes"
  | "numbers"
  | "texts"
  | "set"
  | "mapping";
type Make = (chance: Chance, depth: number) => string;

const NUMBERS = [
  "0",
  "1",
  "2",
  "3",
  "10",
  "1.5",
  ".5",
  "2.50",
  "1e3",
  "1E-2",
  "0x1f",
  "0o17",
  "0b101",
  "7.",
  "123456789.123456789",
  "99999999999999999999",
  "0.1",
  "1e-7",
  "0.333333333333333333333333333333",
  "1e27",
  "12345678901234567890123456789012",
];
const TEXTS = [
  "''",
  '"a"',
  "'meter'",
  's"water"',
  "'tab\\t'",
  "'\\x41\\u00e9\\U0001F600'",
  '"it\'s"',
  "'\\101\\q'",
  "'12'",
  "'1.50'",
  "' 7 '",
  "'a,b,,c'",
  "'x y  z '",
  "'Straße'",
  "'0x1f'",
  "'inf'",
];
const DATETIMES = [
  'd"2025-01-31T12:00"',
  'd"2024-02-29"',
  'd"2025-06-01T00:00:00.123456+02:00"',
  "d'2025-W05-3'",
  'd"20250131T235959Z"',
  'd"1969-12-31T23:59:59.5"',
  'd"2025-120"',
  'd"0001-01-01"',
  'd"2025-01-31T24:00"',
];
const DURATIONS = ['t"P1DT2H"', 't"P1W"', 't"PT0.5S"', "t'PT90M'", 't"P1,5D"', 't"PT0.0000005S"', 't"P0D"'];
const BYTES = ['b"abc"', "b''", 'b"\\x00\\xff"', "b'a\\'b'"];
const PATTERNS = [
  "'a'",
  "'.*e'",
  "'[a-m]+'",
  "'(w)(a)?'",
  "'\\\\d+'",
  "'(?i)METER'",
  "'^$'",
  "'(?P<first>\\\\w)(x)?'",
  "'[^aeiou]{2,3}'",
  "'m|w|g'",
  "'\\\\s'",
  "'r$'",
  "'\\\\W'",
  "'[\\\\w.]+'",
  "'(?:a|b)*?c'",
  "'t{2}'",
];

const literals =
  (texts: readonly string[]): Make =>
  (chance) =>
    chance.one(texts);
const inner =
  (type: Type, ...types: Type[]) =>
  (c: Chance, d: number) =>
    typed(c, c.one([type, ...types]), d - 1);
const N = inner("number", "whole");
const W = inner("whole");
const T = inner("text");
const B = inner("boolean");
const D = inner("datetime");
const P = inner("duration");
const Y = inner("bytes");
const A = inner("numbers");
const S = inner("texts");
const Z = inner("set");
const M = inner("mapping");

const any: Make = (c, d) => typed(c, c.one(Object.keys(TYPED) as Type[]), d - 1);
const compare: Make = (c) => c.one(["==", "!=", "<", "<=", ">", ">="]);

export const LEAVES: Record<Type, Make> = {
  number: (c) =>
    c.maybe(0.7) ? c.one(NUMBERS) : c.one(["n", "half", "minus", "big", "TWIN.size.height", "$pi", "$e", "inf", "nan"]),
  whole: (c) => c.one(["0", "1", "2", "3", "5", "n", "LEDGER.serial", "0x10", "12"]),
  text: (c) =>
    c.maybe(0.6)
      ? c.one(TEXTS)
      : c.one(["name", "word", "empty", "emoji", "TWIN.kind", "LEDGER.color", "TWIN['company']"]),
  boolean: literals(["true", "false", "yes", "no", "LEDGER.open"]),
  datetime: literals(DATETIMES),
  duration: literals(DURATIONS),
  bytes: literals(BYTES),
  numbers: literals(["[]", "[1, 2, 3]", "numbers", "none", "[1.5, -2, 0]", "nested[0]", "[5,]"]),
  texts: literals(["words", "['a', 'b']", "LEDGER.public", "TWIN.tags", "$split('x y z')"]),
  set: literals(["{1, 2, 3}", "{2, 5}", "{7,}", "numbers.to_set", "nested[0].to_set"]),
  mapping: literals(["{'a': 1, 'b': 2}", "{}", "TWIN.size", "{'k': {'z': [1]}}", "{1: 'x', null: 2}", "{[1]: 3,}"]),
};

const TYPED: Record<Type, Make[]> = {
  number: [
    (c, d) => `${N(c, d)} ${c.one(["+", "-", "*", "/", "//", "%"])} ${N(c, d)}`,
    (c, d) => `(${N(c, d)} ${c.one(["+", "-", "*", "/", "//", "%"])} ${N(c, d)})`,
    (c, d) => `-${N(c, d)}`,
    (c, d) => `(${N(c, d)}).${c.one(["floor", "ceiling", "to_flt"])}`,
    (c, d) => `${N(c, d)} ** ${c.one(["2", "3", "-1", "0", "0.5", "-2", "1.5", "10"])}`,
    (c, d) => `$${c.one(["sum", "max", "min"])}(${A(c, d)})`,
    (c, d) => `$abs(${N(c, d)})`,
    (c, d) => `(${T(c, d)}).to_flt`,
    (c) =>
      `$parse_float(${c.one(["'1.5'", "'-2e3'", "' 4 '", "'1_0'", "'Infinity'", "'x'", "'0x1f'", "'007'", "'-.5'"])})`,
    (c, d) =>
      `(${D(c, d)}).${c.one(["to_epoch", "millisecond", "day", "hour", "minute", "second", "microsecond", "month", "year"])}`,
    (c, d) => `(${P(c, d)}).${c.one(["days", "seconds", "microseconds", "total_seconds"])}`,
    (c, d) => `(${A(c, d)})[${c.one(["0", "-1", "1", "9"])}]`,
    (c, d) => `(${B(c, d)} ? ${N(c, d)} : ${N(c, d)})`,
    (c, d) => `(${Y(c, d)})[${c.one(["0", "-1", "5"])}]`,
    (c, d) => `${B(c, d)} ? ${N(c, d)} : ${N(c, d)}`,
  ],
  whole: [
    (c, d) => `${W(c, d)} ${c.one(["&", "|", "^", "<<", ">>", "+", "*"])} ${W(c, d)}`,
    (c, d) => `(${W(c, d)} ${c.one(["&", "|", "^", "<<", ">>", "+", "*"])} ${W(c, d)})`,
    (c, d) => `(${c.one([T, Y, A, S, Z, M])(c, d)}).length`,
    (c, d) => `(${T(c, d)}).to_int`,
    (c, d) => `$sum([v * 2 for v in ${Z(c, d)}])`,
  ],
  text: [
    (c, d) => `${T(c, d)} + ${T(c, d)}`,
    (c, d) => `(${T(c, d)})[${c.one(["0", "1", "-1", "2:", ":2", "1:3", "-2:", ":", "null:2", "50", "0:null"])}]`,
    (c, d) => `(${T(c, d)}).${c.one(["as_lower", "as_upper", "to_str"])}`,
    // Powers are compared as numbers, not by their notation.
    (c) =>
      `(${c.one(["1.10 + 2.20", "2.50 * 2", "1e3 * 1", "1/8", "100 // 3", "7 % 2.50", "1e-9", "-0.0 * 1", "0.1 + 0.2", "5e20 + 1", "12 / 4", "inf", "-inf", "nan", "n", "half", "1e30", "-n"])}).to_str`,
    (c, d) => `(${Y(c, d)}).decode(${c.one(["'utf-8'", "'hex'", "'base64'", "'ascii'", "'LATIN-1'", "'what'"])})`,
    (c, d) => `(${D(c, d)}).${c.one(["weekday", "zone_name"])}`,
    (c, d) => `(${S(c, d)})[${c.one(["0", "-1", "2"])}]`,
    (c, d) => `(${B(c, d)} ? ${T(c, d)} : ${T(c, d)})`,
    (c) => `(${c.one(["word", "'water'", "name"])} =~~ ${c.one(PATTERNS)} ? $re_groups[0] : 'none')`,
  ],
  boolean: [
    (c, d) => `${N(c, d)} ${compare(c, d)} ${N(c, d)}`,
    (c, d) => `${T(c, d)} ${compare(c, d)} ${T(c, d)}`,
    (c, d) => `${c.one([D, D, P, B])(c, d)} ${compare(c, d)} ${c.one([D, P, P, B])(c, d)}`,
    (c, d) => `${A(c, d)} ${compare(c, d)} ${A(c, d)}`,
    (c, d) => `${any(c, d)} ${c.one(["==", "!="])} ${any(c, d)}`,
    (c, d) => `${B(c, d)} ${c.one(["and", "or"])} ${B(c, d)}`,
    (c, d) => `not ${B(c, d)}`,
    (c, d) => `(${any(c, d)}) and ${any(c, d)}`,
    (c, d) => `${T(c, d)} ${c.one(["=~", "=~~", "!~", "!~~"])} ${c.one(PATTERNS)}`,
    (c) => `nothing ${c.one(["=~", "=~~", "!~", "!~~"])} ${c.one(["nothing", "'a'", "word"])}`,
    (c, d) => `${N(c, d)} ${c.one(["in", "not in"])} ${c.one([A, Z])(c, d)}`,
    (c, d) => `${T(c, d)} ${c.one(["in", "not in"])} ${c.one([T, S, M])(c, d)}`,
    (c, d) => `${Y(c, d)} in ${Y(c, d)}`,
    (c, d) => `(${c.one([T, Y, A, S, Z, M])(c, d)}).is_empty`,
    (c, d) => `(${T(c, d)}).${c.one(["starts_with", "ends_with"])}(${T(c, d)})`,
    (c, d) => `(${A(c, d)}).${c.one(["starts_with", "ends_with"])}(${A(c, d)})`,
    (c, d) => `(${N(c, d)}).is_nan`,
    (c, d) => `$${c.one(["any", "all"])}(${c.one([A, S])(c, d)})`,
    (c, d) => `$any([${any(c, d)}, ${any(c, d)}])`,
    (c) => `(null <= null) ${c.one(["==", "!="])} (${c.one(["null", "nothing"])} ${c.one(["<", ">=", "=="])} nothing)`,
  ],
  datetime: [
    (c, d) => `(${D(c, d)} ${c.one(["+", "-"])} ${P(c, d)})`,
    (c, d) => `(${D(c, d)}).date`,
    (c) =>
      `$parse_datetime(${c.one(["'2025-01-31'", "'2025-01-31T12:3'", "'nope'", "'2025-01-31 10:11:12,5-0330'", "'2025-13-01'", "'2025-W53-7'", "'2025-01-31T1'"])})`,
  ],
  duration: [
    (c, d) => `(${P(c, d)} ${c.one(["+", "-"])} ${P(c, d)})`,
    (c, d) => `(${D(c, d)} - ${D(c, d)})`,
    (c, d) => `-${P(c, d)}`,
    (c) =>
      `$parse_timedelta(${c.one(["'P1D'", "'PT1.000001S'", "'P'", "'PT'", "'P1Y'", "'P3DT4M'", "'PT0.0000015S'"])})`,
  ],
  bytes: [
    (c, d) => `(${Y(c, d)} + ${Y(c, d)})`,
    (c, d) => `(${T(c, d)}).encode(${c.one(["'utf-8'", "'hex'", "'base64'", "'ascii'", "'latin1'", "'none'"])})`,
    (c, d) => `(${Y(c, d)})[${c.one(["1:", ":1", ":"])}]`,
  ],
  numbers: [
    (c, d) => `[${N(c, d)}, ${N(c, d)}]`,
    (c, d) => `[v * 2 for v in ${A(c, d)}]`,
    (c, d) => `[v for v in ${A(c, d)} if v ${compare(c, d)} ${N(c, d)}]`,
    (c, d) => `[w.length for w in ${S(c, d)}]`,
    (c) => `$range(${c.one(["5", "2, 6", "6, 2, -2", "0", "3, 0", "1, 9, 0", "1.5", "-3", "2, 8, 3"])})`,
    (c, d) => `$map($abs, ${A(c, d)})`,
    (c, d) => `$filter($abs, ${A(c, d)})`,
    (c, d) => `(${A(c, d)})[${c.one(["1:", ":2", "-2:", "1:2"])}]`,
    (c, d) => `(${Y(c, d)}).to_ary`,
    (c, d) => `[[v + u for v in ${A(c, d)}] for u in ${A(c, d)}][0]`,
  ],
  texts: [
    (c, d) => `$split(${T(c, d)})`,
    (c, d) => `$split(${T(c, d)}, ${c.one(["','", "'a'", "' '", "''"])}${c.one(["", ", 1", ", 0", ", -1"])})`,
    (c, d) => `[w + ${T(c, d)} for w in ${S(c, d)}]`,
    (c, d) => `(${M(c, d)}).keys`,
    (c, d) => `(${T(c, d)}).to_ary`,
    (c, d) => `[k for k in ${M(c, d)}]`,
  ],
  set: [(c, d) => `(${Z(c, d)} ${c.one(["&", "|", "^"])} ${Z(c, d)})`, (c, d) => `(${Z(c, d)}).to_set`],
  mapping: [
    (c, d) => `{${c.one(["'p'", "1", "true", "[1, 2]", "d'2025-01-01'"])}: ${any(c, d)}}`,
    (c, d) => `{'q': ${N(c, d)}, 'r': ${any(c, d)}, 'q': ${T(c, d)}}`,
  ],
};

/** A random rule whose operands have the types that the operators require. */
export function typed(chance: Chance, type: Type, depth: number): string {
  if (depth <= 0 || chance.maybe(0.15)) return LEAVES[type](chance, 0);
  return chance.one(TYPED[type])(chance, depth);
}

export const TYPES = Object.keys(TYPED) as Type[];
