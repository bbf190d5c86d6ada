import { expect, test } from "bun:test";
import fc from "fast-check";
import { DomainError } from "../../src/kernel/failure.ts";
import { type JsonValue, parseJson } from "../../src/kernel/json.ts";
import { tries } from "../support/tries.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** The value that `parseJson` returns for bytes, or the kind of its refusal. Any other error fails the test. */
function outcome(bytes: Uint8Array): { value: JsonValue } | { refused: string } {
  try {
    return { value: parseJson(bytes) };
  } catch (error) {
    if (error instanceof DomainError && error.failure.code === "invalid") return { refused: error.failure.kind };
    throw error;
  }
}

test("the output of JSON.stringify is parsed to the original value", () => {
  const values = fc.jsonValue({ maxDepth: 8, stringUnit: "binary" });
  fc.assert(
    fc.property(values, (value) => {
      const text = JSON.stringify(value);
      expect(JSON.stringify(parseJson(encode(text)))).toBe(text);
    }),
    { numRuns: 2000 },
  );
});

test("random bytes and damaged JSON are either refused or parsed as JSON.parse would", () => {
  const soup = fc.string({ unit: fc.constantFrom(...'{}[]":,\\u0019eE+-. tfn\ud800\0é'), maxLength: 40 });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), soup.map(encode)), (bytes) => {
      const result = outcome(bytes);
      if ("value" in result)
        expect(JSON.stringify(result.value)).toBe(JSON.stringify(JSON.parse(new TextDecoder().decode(bytes))));
    }),
    { numRuns: tries(4_000) },
  );
});

test("depth is counted outside of strings, and hostile depth uses no stack", () => {
  const nest = (depth: number, inner = "") => encode(`${'{"a":'.repeat(depth)}[${inner}]${"}".repeat(depth)}`);
  expect(outcome(nest(63))).toHaveProperty("value");
  expect(outcome(nest(64))).toEqual({ refused: "json" });
  expect(outcome(nest(63, '"[[[[{{{{\\"[[[["'))).toHaveProperty("value");
  expect(outcome(encode("[".repeat(4_000_000)))).toEqual({ refused: "json" });
  expect(outcome(encode("]".repeat(1000) + "[".repeat(1060)))).toEqual({ refused: "json" });
});

test("a byte order mark is not part of the text", () => {
  expect(outcome(new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))).toEqual({ value: {} });
});
