import { expect, test } from "bun:test";
import { type Mentions, mentionsOf } from "../../src/rules/mentions.ts";
import { compileRule } from "../../src/rules/rule.ts";
import { compileTemplate, mentionsInTemplate } from "../../src/rules/template.ts";

const listed = (mentions: Mentions) => (mentions === "all" ? "all" : [...mentions].sort());

test("mentions lists the members of a variable that a rule names, and whether it uses the variable as a whole", () => {
  const cases: [rule: string, names: string[] | "all"][] = [
    ["true", []],
    ["USER.a == TWIN.b", []],
    ["LEDGER.a == LEDGER['b']", ["a", "b"]],
    ["LEDGER&.a ? LEDGER&['b'] : 'c' in LEDGER", ["a", "b", "c"]],
    ["'a' not in LEDGER and LEDGER.b.c.d[LEDGER.e] == 'LEDGER.f'", ["a", "b", "e"]],
    ["[x for x in LEDGER.a if x == LEDGER.b][0] == {'k': LEDGER.c}.k", ["a", "b", "c"]],
    ["LEDGER['\\x61'] == null", ["a"]],
    ["LEDGER", "all"],
    ["LEDGER == null", "all"],
    ["LEDGER[entry_name] == 1", "all"],
    ["entry_name in LEDGER", "all"],
    ["LEDGER.length > 1", "all"],
    ["LEDGER.keys[0] == 'a'", "all"],
    ["LEDGER.values.length == 1 and LEDGER.a", "all"],
    ["[n for n in LEDGER][0] == 'a'", "all"],
    ["LEDGER in ['a']", "all"],
    ["[LEDGER for LEDGER in ['a']][0] == 'a'", []],
  ];
  for (const [text, names] of cases) {
    const rule = compileRule(text);
    for (const _ of [1, 2]) expect([text, listed(mentionsOf(rule, "LEDGER"))]).toEqual([text, names]);
  }
  const rule = compileRule("LEDGER.a == USER.b and DICT");
  const all = ["LEDGER", "USER", "DICT", "SECRET"].map((variable) => listed(mentionsOf(rule, variable)));
  expect(all).toEqual([["a"], ["b"], "all", []]);
});

test("mentions lists the members that a template names", () => {
  const template = compileTemplate("{{LEDGER}} {LEDGER.a} {LEDGER[b].c} {TWIN[d]} {DICT}");
  const all = ["LEDGER", "TWIN", "DICT", "USER"].map((variable) => listed(mentionsInTemplate(template, variable)));
  expect(all).toEqual([["a", "b"], ["d"], "all", []]);
});
