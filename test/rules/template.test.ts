import { expect, test } from "bun:test";
import { DomainError } from "../../src/kernel/failure.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { compileTemplate, renderName, renderValue } from "../../src/rules/template.ts";

const VARIABLES: JsonObject = JSON.parse(
  '{"LEDGER": {"serial": "x-1", "count": 3, "on": true, "size": {"w": [1, 2]}, "__proto__": "own", "two words": 2, "none": null}, "entry_name": "color"}',
);
const scope = (name: string) => (Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined);
const name = (template: string) => renderName(compileTemplate(template), scope);
const json = (template: string) => renderValue(compileTemplate(template), scope);

test("fields are replaced by the values of names and keys, doubled braces by single ones", () => {
  expect(name("{LEDGER[serial]}/{LEDGER.serial}/{entry_name}")).toBe("x-1/x-1/color");
  expect(name("{{{entry_name}}} {{}}")).toBe("{color} {}");
  expect(name("{LEDGER[two words]}{LEDGER.size.w}{LEDGER[size][w][1]}")).toBe("2[1,2]2");
  expect(name("")).toBe("");
});

test("names are plain text, values are JSON", () => {
  expect(name("n{LEDGER.count}-{LEDGER.on}")).toBe("n3-true");
  expect(json("{LEDGER.serial}")).toBe('"x-1"');
  expect(json("{LEDGER.count}")).toBe("3");
  expect(json('{{"s": {LEDGER[serial]}, "w": {LEDGER[size]}}}')).toBe('{"s": "x-1", "w": {"w":[1,2]}}');
});

test("missing values are empty in names and null in values", () => {
  for (const field of [
    "{nobody}",
    "{LEDGER.nothing}",
    "{LEDGER.serial.x}",
    "{nobody.a[b]}",
    "{LEDGER.none}",
    "{LEDGER.toString}",
    "{LEDGER.size.w[9]}",
  ]) {
    expect(name(`a${field}b`), field).toBe("ab");
    expect(json(field), field).toBe("null");
  }
  expect(name("{LEDGER.__proto__}")).toBe("own");
});

test("fields that Python's format would refuse or treat specially are refused, with their position", () => {
  const refused: [string, string][] = [
    ["{", "the brace { is unbalanced; double a literal brace (at character 1)"],
    ["a}", "the brace } is unbalanced; double a literal brace (at character 2)"],
    ["😀{a{b}}", "(at character 2)"],
    ["{}", "{} names no variable (at character 1)"],
    ["{0}", "{0} names no variable"],
    ["{a.}", "names no variable"],
    ["{a[]}", "names no variable"],
    ["{a!r}", "conversions and formats are not supported"],
    ["{a:>10}", "conversions and formats are not supported"],
    ["a".repeat(4097), "longer than 4096 characters"],
    ["\ud800", "not well-formed"],
  ];
  for (const [template, message] of refused) {
    let failure: unknown;
    try {
      compileTemplate(template);
    } catch (error) {
      failure = error instanceof DomainError && error.failure;
    }
    expect(failure, template).toMatchObject({
      code: "invalid",
      kind: "rule",
      message: expect.stringContaining(message),
    });
  }
});
