import { expect, test } from "bun:test";
import { decide, failure, refusal } from "./ask.ts";

/** Runs code that must end by its bounds; generous, because the machine may be busy. */
function quickly<T>(action: () => T, ms = 500): T {
  const started = performance.now();
  const result = action();
  expect(performance.now() - started).toBeLessThan(ms);
  return result;
}

const TOO_MANY = "the rule takes too many steps";

test("a catastrophic pattern and a comprehension bomb return within their bounds", () => {
  const TWIN = { x: "x".repeat(5000), list: Array.from({ length: 300 }, (_, i) => i) };
  expect(quickly(() => decide("TWIN.x =~ '(x+x+)+y'", { TWIN }))).toBe(false);
  expect(quickly(() => failure("[[[1 for a in TWIN.list] for b in TWIN.list] for c in TWIN.list]", { TWIN }))).toBe(
    TOO_MANY,
  );
  expect(quickly(() => failure("[[x, x, x] for x in $range(1e9)]"))).toBe(TOO_MANY);
});

test("numbers cannot grow without bounds", () => {
  expect(quickly(() => refusal("9 ** (9 ** 9)"))).toContain("the number is too large");
  for (const rule of [
    "n ** (9 ** 9)",
    "n ** 9 ** 9 ** 9 ** 9 ** 9 ** 9 ** 9",
    "1 << n * 100000",
    "n << 9 ** 20",
    "n * 2e999999",
    "(n * 1e9999).floor",
  ]) {
    expect(
      quickly(() => failure(rule)),
      rule,
    ).toBe("the number is too large");
  }
  expect(quickly(() => decide("1e999999999 > 1e-999999999 and 1e999999999 != n"))).toBe(true);
  expect(quickly(() => decide("(n + 1e999999999 == n) or true", {}))).toBe(false);
  expect(quickly(() => decide("1.0000001 ** 12345678.9 > n", { n: 1 }))).toBe(true);
  expect(quickly(() => decide("n ** -987654321.5 == 0", { n: 7 }))).toBe(true);
});

test("powers are charged for, as the most expensive operator", () => {
  expect(quickly(() => failure("[(a + 0.123456789) ** 0.37 for a in $range(5000)]"))).toBe(TOO_MANY);
  expect(quickly(() => failure("[(a + 1.123456789) ** 98765 for a in $range(4000)]"))).toBe(TOO_MANY);
  expect(decide("[a ** 2 for a in $range(500)].length == 500 and 2 ** 0.5 < 1.5")).toBe(true);
});

test("texts and arrays cannot grow without bounds", () => {
  const big = "a".repeat(600_000);
  expect(failure("big + big", { big })).toBe("the text grows too long");
  expect(quickly(() => failure("[big + 'a' for v in $range(1000)]", { big }))).toBe(TOO_MANY);
  expect(quickly(() => failure("$split(big, 'a')", { big }))).toBe(TOO_MANY);
  expect(quickly(() => failure("big.to_ary.to_set", { big }))).toBe(TOO_MANY);
  expect(quickly(() => failure("[v for v in $range(200) if big =~~ 'b$']", { big }))).toBe(TOO_MANY);
});

test("a value shared many times over is not traversed for ever", () => {
  const doubled = (times: number) => {
    let rule = "[1, 1]";
    for (let i = 0; i < times; i++) rule = `[[v${i}, v${i}] for v${i} in [${rule}]][0]`;
    return rule;
  };
  expect(quickly(() => decide(doubled(8)))).toBe(true);
  expect(quickly(() => decide(`${doubled(8)} == ${doubled(8)} and {${doubled(8)}}`))).toBe(true);
  expect(quickly(() => failure(doubled(30)))).toBe(TOO_MANY);
  expect(quickly(() => failure(`${doubled(12)} == ${doubled(12)}`))).toBe(TOO_MANY);
  expect(quickly(() => failure(`{${doubled(12)}, ${doubled(12)}}`))).toBe(TOO_MANY);
});

test("patterns cannot grow without bounds", () => {
  expect(quickly(() => refusal(`a =~ '${"[a-z]{1000}".repeat(300)}'`))).toContain("too large");
  expect(quickly(() => refusal("a =~ '((a{100}){100}){100}'"))).toContain("not a usable regular expression");
  expect(quickly(() => refusal(`a =~ '${"(".repeat(2000)}${")".repeat(2000)}'`))).toContain("too deep");
});

test("a rule is at most 4096 characters, counted as code points", () => {
  expect(decide(`'${"😀".repeat(4094)}'`)).toBe(true);
  expect(refusal(`'${"😀".repeat(4095)}'`)).toBe("The rule is longer than 4096 characters.");
});

test("the depth limit is reached before the stack overflows", () => {
  for (const [open, close] of [
    ["(", ")"],
    ["[", "]"],
    ["not ", ""],
    ["-", ""],
    ["n ? 1 : ", ""],
    ["{1: ", "}"],
    ["n[", "]"],
    ["$abs(", ")"],
  ] as const) {
    const rule = (depth: number) => `${open.repeat(depth)}1${close.repeat(depth)}`;
    expect(refusal(rule(500)), open).toMatch(/nested deeper than 200 levels|reserved/);
    quickly(() => decide(rule(90)));
  }
  const chain = (length: number) => Array.from({ length }, () => "n").join("+");
  expect(decide(chain(900))).toBe(true);
  expect(refusal(chain(2000))).toContain("operations are nested deeper than 1000 levels");
  expect(refusal(`n${".a".repeat(2000)}`)).toContain("nested deeper than 1000 levels");
  expect(refusal(`n${"()".repeat(2000)}`)).toContain("nested deeper than 1000 levels");
});
