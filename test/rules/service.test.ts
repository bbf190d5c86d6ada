import { expect, test } from "bun:test";
import type { JsonValue } from "../../src/kernel/json.ts";
import { compileRule, evaluate, holds, variablesOf } from "../../src/rules/rule.ts";
import { decide, failure, refusal, value, WORLD } from "./ask.ts";

const CAT = {
  TWIN: { kind: "cat", company: "acme" },
  USER: { company: "acme", profession: "accounting" },
  LEDGER: { serial: 4, public: ["color"] },
};

test("the vendor's example rules evaluate as documented", () => {
  expect(decide("TWIN.company == USER.company", CAT)).toBe(true);
  expect(decide("TWIN.company == USER.company", { ...CAT, USER: { company: "other" } })).toBe(false);
  expect(decide("USER.profession == 'accounting'", CAT)).toBe(true);
  const isPublic = 'TWIN.kind == "cat" and entry_name in LEDGER.public';
  expect(decide(isPublic, { ...CAT, entry_name: "color" })).toBe(true);
  expect(decide(isPublic, { ...CAT, entry_name: "price" })).toBe(false);
  expect(decide("LEDGER.serial > 3", CAT)).toBe(true);
  expect(decide("true", {})).toBe(true);
  expect(decide("value_changed_ts == 1707997392.123", { value_changed_ts: 1707997392.123 })).toBe(true);
});

test("missing variables, missing keys, and attributes and items of null are null", () => {
  for (const rule of [
    "nobody",
    "nobody.a",
    "nobody.a.b['c'][0]",
    "TWIN.a",
    "TWIN['a']",
    "TWIN.a.b",
    "null.a",
    "nobody[1:2]",
  ]) {
    expect(value(rule, CAT), rule).toBeNull();
  }
  expect(decide("TWIN.nothing == USER.nothing", CAT)).toBe(true);
});

test("any other error counts as false, and negating it does not make it true", () => {
  for (const rule of [
    "TWIN.kind > 3",
    "LEDGER.public[7] == null",
    "TWIN.kind.wings",
    "LEDGER.serial / 0",
    "nobody + 1",
    "nobody(1)",
    "nobody < 1",
  ]) {
    expect(decide(rule, CAT), rule).toBe(false);
    expect(decide(`not (${rule})`, CAT), rule).toBe(false);
    expect(failure(rule, CAT), rule).not.toBe("");
  }
});

test("the decision is the truthiness of the result", () => {
  for (const rule of ["1", "'a'", "[0]", "TWIN", "$abs", "nan"]) expect(decide(rule, CAT), rule).toBe(true);
  for (const rule of ["0", "''", "[]", "{}", "null", "nobody", "0.0"]) expect(decide(rule, CAT), rule).toBe(false);
});

test("names with a meaning in JavaScript are plain keys", () => {
  const TWIN = JSON.parse('{"__proto__": {"admin": true}, "constructor": 7}');
  expect(value("TWIN.__proto__.admin", { TWIN })).toBe(true);
  expect(value("TWIN.constructor", { TWIN })).toBe(7);
  for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    expect(value(`TWIN.${key}`, { TWIN: {} }), key).toBeNull();
    expect(value(`{'a': 1}['${key}']`, {}), key).toBeNull();
    expect(refusal(`'a'.${key}`)).toContain(`text has no attribute ${key}`);
  }
});

test("a key takes precedence over an attribute of its name", () => {
  const TWIN = { length: 12.5, keys: ["front door"] };
  expect(value("TWIN.length", { TWIN })).toBe(12.5);
  expect(value("TWIN.keys", { TWIN })).toEqual(["front door"]);
  expect(value("TWIN.values", { TWIN })).toEqual([12.5, ["front door"]]);
});

test("a variable is read at most once per evaluation, and only if it is needed", () => {
  const asked: string[] = [];
  const scope = (name: string): JsonValue => asked.push(name) > 0;
  const rule = compileRule("a and a and (b or c)");
  expect([...variablesOf(rule)].sort()).toEqual(["a", "b", "c"]);
  expect(holds(rule, scope, WORLD)).toBe(true);
  expect(asked).toEqual(["a", "b"]);
  expect([...variablesOf(compileRule("[x.y for x in TWIN.tags if $now > d'2025-01-01']"))]).toEqual(["TWIN"]);
});

test("a rule keeps no state between evaluations", () => {
  const rule = compileRule("a =~ '(.)' and $re_groups[0] == 'x' or $re_groups != null");
  expect(holds(rule, () => "x", WORLD)).toBe(true);
  expect(evaluate(rule, () => null, WORLD)).toBe(false);
  expect(compileRule(rule.text)).toBe(rule);
});

test("a refusal gives the error and the position of its character", () => {
  const refusals: [string, string][] = [
    ["", "the rule ends where a value is expected (at character 1)"],
    ["TWIN.kind =", 'unexpected "=" (at character 11)'],
    ["'😀' + é", 'unexpected "é" (at character 7)'],
    ["(1 + 2", "the rule ends where ) is expected (at character 7)"],
    ["a.in", "unexpected in where name is expected (at character 3)"],
    ["1.5.length", "unexpected . (at character 4)"],
    ["'open", "the text is not closed on its line (at character 1)"],
    ["a and else", "the word else is reserved (at character 7)"],
    ["007", "does not begin with a zero (at character 1)"],
    ["a or 1 + 'b'", "the data types do not fit: number + text (at character 8)"],
    ["a or 1 / 0", "division by zero (at character 8)"],
    ["a =~ '(?=b)'", "lookahead is not supported (at character 6)"],
    ["$nothing", "there is no built-in $nothing (at character 1)"],
    ["a or b & 1.5", "not a natural number (at character 8)"],
    ["$abs('a')", "abs wants number as argument 1 (at character 5)"],
    ["d'yesterday'", "not a datetime"],
    ["a # b\nc", 'unexpected "#" (at character 3)'],
    ["\ud800", "not well-formed text"],
  ];
  for (const [rule, message] of refusals) expect(refusal(rule), rule).toContain(message);
});

test("a pattern that needs more than linear time is refused in a literal, and causes an error if it is computed", () => {
  for (const pattern of [
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?<!a)",
    "(a)\\\\1",
    "(?P<n>a)(?P=n)",
    "a\\\\Z",
    "(?>a)",
    "a*+",
    "(a)?(?(1)b)",
    "(?x)a",
    "a{2000}",
    "(",
    "[b-a]",
    "*a",
    "a**",
  ]) {
    expect(refusal(`a =~ '${pattern}'`), pattern).toContain("not a usable regular expression");
    expect(decide(`a !~ b + '${pattern}'`, { a: "a", b: "" }), pattern).toBe(false);
  }
  expect(decide("a =~ b", { a: "aab", b: "a+b" })).toBe(true);
});
