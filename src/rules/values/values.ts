import type { JsonObject, JsonValue } from "../../kernel/json.ts";
import { Decimal, isZero, type Numeric } from "./decimal.ts";
import type { Frame } from "./frame.ts";
import { Datetime, Timedelta } from "./times.ts";
import type { FunctionType } from "./types.ts";

// Values of expressions. JSON is used as it is, without conversion: a rule reads a key or two of a description, so a
// JSON object is a mapping and a JSON array an array.

export type RuleValue =
  | null
  | boolean
  | string
  | Numeric
  | Uint8Array
  | Datetime
  | Timedelta
  | RuleSet
  | RuleMapping
  | RuleFunction
  | RuleValue[]
  | JsonObject
  | JsonValue[];

/** Members by hash key, in insertion order. */
export class RuleSet {
  readonly members: Map<string, RuleValue>;
  constructor(members: Map<string, RuleValue>) {
    this.members = members;
  }
}

/** A mapping written in a rule: keys can be other values than texts. */
export class RuleMapping {
  readonly entries: Map<string, [RuleValue, RuleValue]>;
  constructor(entries: Map<string, [RuleValue, RuleValue]>) {
    this.entries = entries;
  }
}

/** A built-in or a method of a value. */
export class RuleFunction {
  readonly type: FunctionType;
  readonly call: (args: RuleValue[], frame: Frame) => RuleValue;
  constructor(type: FunctionType, call: (args: RuleValue[], frame: Frame) => RuleValue) {
    this.type = type;
    this.call = call;
  }
}

export type Kind =
  | "null"
  | "boolean"
  | "number"
  | "text"
  | "bytes"
  | "datetime"
  | "duration"
  | "array"
  | "set"
  | "mapping"
  | "function";

export function kindOf(value: RuleValue): Kind {
  switch (typeof value) {
    case "string":
      return "text";
    case "number":
      return "number";
    case "boolean":
      return "boolean";
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof Decimal) return "number";
  if (value instanceof RuleSet) return "set";
  if (value instanceof Datetime) return "datetime";
  if (value instanceof Timedelta) return "duration";
  if (value instanceof Uint8Array) return "bytes";
  if (value instanceof RuleFunction) return "function";
  return "mapping";
}

export const isNumber = (value: RuleValue): value is Numeric => typeof value === "number" || value instanceof Decimal;

export const isArray = (value: RuleValue): value is RuleValue[] => Array.isArray(value);

/** Whether a value is a JSON object; its keys are looked up as own properties only. */
export function isJsonMapping(value: RuleValue): value is JsonObject {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export type Mapping = RuleMapping | JsonObject;

export const keysOf = (mapping: Mapping): RuleValue[] =>
  mapping instanceof RuleMapping ? [...mapping.entries.values()].map(([key]) => key) : Object.keys(mapping);

export const membersOf = (mapping: Mapping): RuleValue[] =>
  mapping instanceof RuleMapping
    ? [...mapping.entries.values()].map(([, value]) => value)
    : Object.keys(mapping).map((key) => mapping[key] as JsonValue);

export const sizeOf = (mapping: Mapping): number =>
  mapping instanceof RuleMapping ? mapping.entries.size : Object.keys(mapping).length;

/** The value of a text key, or undefined. */
export function memberNamed(mapping: Mapping, name: string): RuleValue | undefined {
  if (mapping instanceof RuleMapping) return mapping.entries.get(`s${name}`)?.[1];
  return Object.hasOwn(mapping, name) ? mapping[name] : undefined;
}

export function isTruthy(value: RuleValue): boolean {
  if (typeof value === "boolean") return value;
  if (value === null || value === "") return false;
  if (typeof value === "string") return true;
  if (typeof value === "number" || value instanceof Decimal) return !isZero(value);
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length > 0;
  if (value instanceof RuleSet) return value.members.size > 0;
  if (value instanceof Timedelta) return value.days !== 0 || value.seconds !== 0 || value.micros !== 0;
  if (value instanceof Datetime || value instanceof RuleFunction) return true;
  return sizeOf(value) > 0;
}
