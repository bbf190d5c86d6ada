import { DomainError, invalid } from "../kernel/failure.ts";
import { type JsonObject, type JsonValue, parseJson } from "../kernel/json.ts";
import { parse } from "../kernel/parse.ts";
import { Description } from "../kernel/schema.ts";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The dictionary of an `X-TrustedTwin` header: standard base64 of a JSON object with the format of a description
 * (specification 1.3).
 */
export function dictionaryFrom(header: string | null): JsonObject | null {
  if (!header) return null;
  if (!BASE64.test(header)) throw invalid("json", "X-TrustedTwin is not standard base64.");
  return parse(Description, decoded(header), "body", "X-TrustedTwin");
}

/** Every unreadable header is refused as `json`, including faults that would be `encoding` in a body. */
function decoded(header: string): JsonValue {
  try {
    return parseJson(new Uint8Array(Buffer.from(header, "base64")));
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw invalid("json", "X-TrustedTwin is not the base64 of JSON in UTF-8.");
  }
}
