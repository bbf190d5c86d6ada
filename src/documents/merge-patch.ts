import { invalid } from "../kernel/failure.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../kernel/json.ts";

/**
 * The JSON Merge Patch of RFC 7396 (specification 2.5): null removes a key, objects are merged key by key, everything else
 * replaces. Changes neither of its arguments, and shares parts of both with its answer.
 */
export function mergePatch(target: JsonValue | undefined, patch: JsonObject): JsonObject {
  // Without a prototype, `__proto__` is a key like any other.
  const merged: JsonObject = Object.assign(Object.create(null), isJsonObject(target) ? target : undefined);
  for (const key of Object.keys(patch)) {
    const value = patch[key] as JsonValue;
    if (value === null) delete merged[key];
    else merged[key] = isJsonObject(value) ? mergePatch(merged[key], value) : value;
  }
  return merged;
}

/** Refuses a patch with a null in an array: arrays replace as a whole, so it could not remove anything (2.5, rule 4). */
export function assertPatch(patch: JsonObject): void {
  if (!hasNullInArray(patch)) return;
  const message = "arrays cannot contain null values";
  throw invalid("body", `Invalid patch: ${message}.`, [{ path: "data", message, reason: "constraint" }]);
}

function hasNullInArray(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.some((item) => item === null || hasNullInArray(item));
  return isJsonObject(value) && Object.values(value).some(hasNullInArray);
}
