import { invalid } from "./failure.ts";

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export type JsonObject = { [key: string]: JsonValue };

/** Deeper nesting is refused; real data is a handful of levels deep. `path` is the path named in the error. */
export type DepthLimit = { levels: number; path: string };
const DEPTH_LIMIT: DepthLimit = { levels: 64, path: "" };

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Parses what a caller sent. Refuses bytes that are not UTF-8 and text with lone surrogates (`encoding`); text that is
 * not JSON, nesting deeper than the limit and numbers beyond the range of a double (`json`). `__proto__` is a key like
 * any other. Depth is measured before the parser runs, so hostile nesting costs one pass over the bytes.
 */
export function parseJson(bytes: Uint8Array, { levels, path } = DEPTH_LIMIT): JsonValue {
  if (nestsDeeperThan(bytes, levels)) {
    const message = `JSON is nested deeper than ${levels} levels.`;
    throw invalid("json", message, path ? [{ path, message, reason: "constraint" }] : undefined);
  }
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw invalid("encoding", "Request body contains invalid characters.", [{ path: "", message: describe(cause) }]);
  }
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid("json", "Request body is not valid JSON.", [{ path: "", message: describe(cause) }]);
  }
  assertStorable(value);
  return value;
}

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const describe = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Counts brackets outside of strings, byte by byte: in UTF-8, no byte of a longer character is ASCII. */
function nestsDeeperThan(bytes: Uint8Array, depthMax: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > depthMax) return true;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  return false;
}

/** Lone surrogates have no UTF-8 form, and `1e999` becomes Infinity: neither could be returned unchanged. */
function assertStorable(value: JsonValue): void {
  if (typeof value === "string") assertWellFormed(value);
  else if (typeof value === "number") {
    if (!Number.isFinite(value)) throw invalid("json", "JSON contains a number that is out of range.");
  } else if (Array.isArray(value)) value.forEach(assertStorable);
  else if (typeof value === "object" && value !== null) {
    for (const key of Object.keys(value)) {
      assertWellFormed(key);
      assertStorable(value[key] as JsonValue);
    }
  }
}

function assertWellFormed(text: string): void {
  if (!text.isWellFormed()) throw invalid("encoding", "Request body contains invalid characters.");
}
