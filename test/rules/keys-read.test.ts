import { expect, test } from "bun:test";
import { keysRead } from "../../src/rules/keys-read.ts";

test("the keys that a rule reads of a variable are told by its text, or any may be", () => {
  for (const [rule, keys] of [
    ["true", []],
    ["TWIN.USER == 'a'", []],
    ["TWIN.company == USER.company", ["company"]],
    ["USER.b == 1 and not (USER&.a in [USER.b, -USER.c.d])", ["a", "b", "c"]],
    ["[x for x in TWIN.list if x == USER.a]", ["a"]],
    ["USER.a ? {USER.b: 1} : TWIN[USER.c:]", ["a", "b", "c"]],
    ["USER.name.starts_with(USER.first)", ["first", "name"]],
    ["USER['company'] == 'a'", null],
    ["USER[DICT.key]", null],
    ["USER == TWIN", null],
    ["'a' in USER", null],
    ["USER.length > 1", null],
    ["USER.keys.length > 1", null],
    ["[x.a for x in [USER]]", null],
  ] as const) {
    expect([rule, keysRead(rule, "USER")]).toEqual([rule, keys as unknown as string[]]);
  }
});
