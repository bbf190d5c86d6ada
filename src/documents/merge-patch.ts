import { invalid } from "../kernel/failure.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../kernel/json.ts";

/**
 * The JSON Merge Patch of RFC 7396 (specification 2.5): null removes a key, objects are merged key by key, everything
 * else replaces. Changes its target in place, so the cost depends on the size of the patch, not of the target. Never
 * changes the patch, but the result may share arrays with it.
 */
export function mergePatch(target: JsonValue | undefined, patch: JsonObject): JsonObject {
  const merged = isJsonObject(target) ? target : {};
  for (const key of Object.keys(patch)) {
    const value = patch[key] as JsonValue;
    if (value === null) delete merged[key];
    else if (isJsonObject(value))
      put(merged, key, mergePatch(Object.hasOwn(merged, key) ? merged[key] : undefined, value));
    else put(merged, key, value);
  }
  return merged;
}

/** `__proto__` is an ordinary key, but assigning it would set the prototype. */
function put(object: JsonObject, key: string, value: JsonValue): void {
  if (key !== "__proto__") object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

/**
 * Refuses a patch with a null in an array: arrays are replaced as a whole, so the null could not remove anything (2.5,
 * rule 4).
 */
export function assertPatch(patch: JsonObject): void {
  if (!hasNullInArray(patch)) return;
  const message = "arrays cannot contain null values";
  throw invalid("body", `Invalid patch: ${message}.`, [{ path: "data", message, reason: "constraint" }]);
}

function hasNullInArray(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.some((item) => item === null || hasNullInArray(item));
  return isJsonObject(value) && Object.values(value).some(hasNullInArray);
}
