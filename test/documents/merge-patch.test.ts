import { expect, test } from "bun:test";
import fc from "fast-check";
import { assertPatch, mergePatch } from "../../src/documents/merge-patch.ts";
import type { JsonObject, JsonValue } from "../../src/kernel/json.ts";

const plain = (value: JsonValue) => JSON.parse(JSON.stringify(value));

/** RFC 7396, appendix A: original, patch, result. */
const VECTORS: [JsonValue, JsonValue, JsonValue][] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

test("the test vectors of RFC 7396 hold, at the top and below", () => {
  for (const [original, patch, result] of VECTORS) {
    const target = plain(original);
    if (typeof patch === "object" && !Array.isArray(patch) && patch !== null) {
      expect(plain(mergePatch(plain(target), patch))).toEqual(result);
    }
    expect(plain(mergePatch({ x: target, y: 1 }, { x: patch }))).toEqual({ x: result, y: 1 });
  }
  expect(plain(mergePatch({ x: { a: "foo" }, y: 1 }, { x: null }))).toEqual({ y: 1 });
});

test("the table of the specification holds", () => {
  expect(plain(mergePatch({ a: 1, b: { c: 2, d: 3 } }, { b: { c: null, e: 4 } }))).toEqual({ a: 1, b: { d: 3, e: 4 } });
  expect(plain(mergePatch({ list: [1, 2, 3] }, { list: [4] }))).toEqual({ list: [4] });
  expect(plain(mergePatch({ a: "x" }, { a: { b: 1, c: null } }))).toEqual({ a: { b: 1 } });
  expect(() => assertPatch({ a: [1, null] })).toThrow("arrays cannot contain null");
  expect(() => assertPatch({ a: [{ b: [[null]] }] })).toThrow("arrays cannot contain null");
  expect(() => assertPatch({ a: { b: { c: [null] } } })).toThrow("arrays cannot contain null");
  expect(() => assertPatch({ a: [{ b: null }], c: null })).not.toThrow();
  const before = { last_update: "t0", door_open: true, alarm_armed: false };
  const patch = { last_update: "t1", door_open: false };
  expect(plain(mergePatch(before, patch))).toEqual({ last_update: "t1", door_open: false, alarm_armed: false });
  expect(plain(mergePatch({ a: 3 }, { a: {} }))).toEqual({ a: {} });
  expect(plain(mergePatch({ a: 3 }, {}))).toEqual({ a: 3 });
});

test("__proto__ and the like are ordinary keys", () => {
  const patch = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":null}');
  const merged = JSON.stringify(mergePatch(JSON.parse('{"toString":1,"__proto__":{"kept":1}}'), patch));
  expect(merged).toBe('{"__proto__":{"kept":1,"polluted":true},"constructor":{"prototype":1}}');
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

/** An independent implementation: a document as the set of paths that lead to its leaves. */
function mergeByPaths(target: JsonValue | undefined, patch: JsonObject): JsonObject {
  const isObject = (value: unknown): value is JsonObject =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  const entries = new Map<string, JsonValue>(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) entries.delete(key);
    else if (isObject(value)) entries.set(key, mergeByPaths(entries.get(key), value));
    else entries.set(key, value);
  }
  return Object.fromEntries(entries);
}

const key = fc.oneof(fc.constantFrom("a", "b", "c", "__proto__", "toString", ""), fc.string({ maxLength: 3 }));
const { value: json } = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  object: fc
    .array(fc.tuple(key, tie("value")), { maxLength: 5 })
    .map((entries) => Object.fromEntries(entries) as JsonObject),
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<JsonValue>(null, 0, 1, true, "x", "y"),
    tie("object"),
    fc.array(tie("value"), { maxLength: 3 }),
  ),
}));
const object = json.map((value) => ({ a: value }) as JsonObject);

test("any patch merges as in an independent implementation, and is not changed by it", () => {
  fc.assert(
    fc.property(object, object, (target, patch) => {
      const before = JSON.stringify(patch);
      const expected = plain(mergeByPaths(plain(target), plain(patch)));
      const merged = plain(mergePatch(target, patch));
      expect(JSON.stringify(patch)).toBe(before);
      expect(Bun.deepEquals(merged, expected, true)).toBe(true);
      // A merge is idempotent.
      expect(Bun.deepEquals(plain(mergePatch(plain(merged), patch)), merged, true)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
