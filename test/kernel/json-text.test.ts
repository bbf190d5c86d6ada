import { expect, test } from "bun:test";
import fc from "fast-check";
import { type JsonText, withRawJson, writeArray, writeJson } from "../../src/kernel/json-text.ts";

test("splicing text into an object gives the same JSON as serializing the whole object", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (rest, more) => {
        const texts = Object.fromEntries(Object.entries(more).map(([name, value]) => [name, writeJson(value)]));
        const others = Object.fromEntries(Object.entries(rest).filter(([name]) => !Object.hasOwn(more, name)));
        expect(JSON.parse(writeJson(withRawJson(others, texts)))).toEqual(
          JSON.parse(JSON.stringify({ ...others, ...more })),
        );
      },
    ),
  );
});

test("undefined members are left out, null ones are written, and an empty object stays empty", () => {
  expect(writeJson(withRawJson({}, { a: undefined }))).toBe("{}" as JsonText);
  expect(writeJson(withRawJson({}, { a: undefined, b: null }))).toBe('{"b":null}' as JsonText);
  expect(writeJson(withRawJson({ z: 1 }, { a: "[1]" as JsonText }))).toBe('{"z":1,"a":[1]}' as JsonText);
  expect(writeArray([])).toBe("[]" as JsonText);
  expect(writeArray([writeJson(1), writeJson("a")])).toBe('[1,"a"]' as JsonText);
});
