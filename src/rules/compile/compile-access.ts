import type { NodeOf } from "../syntax/syntax.ts";
import { attributeOf, slice } from "../values/attributes.ts";
import { isWhole, toBigInt } from "../values/decimal.ts";
import { memberOf } from "../values/equality.ts";
import { mismatch, RuleError, RuleRefusal } from "../values/errors.ts";
import type { Frame } from "../values/frame.ts";
import { codePointAt } from "../values/text.ts";
import * as types from "../values/types.ts";
import {
  isArray,
  isJsonMapping,
  isNumber,
  kindOf,
  type Mapping,
  memberNamed,
  type RuleValue,
} from "../values/values.ts";
import { type Code, type CompileContext, constant, fold, operation } from "./code.ts";

// More lenient than rule-engine here: an attribute or item of null, and a missing key of a mapping, are null
// (specification 2.13). A key also takes precedence over an attribute of its name, unlike in rule-engine.

/** `a.b`: a key of a mapping, or an attribute. */
export function compileAttribute(context: CompileContext, { name, at }: NodeOf<"attribute">, object: Code): Code {
  const { kind } = object.type;
  if (kind === "null") return constant(context, at, null);
  const known = kind === "unknown" || kind === "mapping" ? undefined : attributeOf(kind, name);
  if (!known && kind !== "unknown" && kind !== "mapping") throw new RuleRefusal(`${kind} has no attribute ${name}`, at);
  const type = known ? known.type(object.type) : types.UNKNOWN;
  const inner = object.run;
  const run = (frame: Frame): RuleValue => {
    const value = inner(frame);
    if (value === null) return null;
    if (isJsonMapping(value) && Object.hasOwn(value, name)) return value[name] as RuleValue;
    return attributeValue(value, name, frame);
  };
  const weight = object.weight + 1;
  const code: Code = { run, type, constant: false, weight };
  return object.constant ? fold(context, at, code) : code;
}

function attributeValue(value: RuleValue, name: string, frame: Frame): RuleValue {
  const kind = kindOf(value);
  const member = kind === "mapping" ? memberNamed(value as Mapping, name) : undefined;
  if (member !== undefined) return member;
  const attribute = attributeOf(kind, name);
  if (attribute) return attribute.get(value, frame);
  if (kind === "mapping") return null;
  throw new RuleError(`${kind} has no attribute ${name}`);
}

/** `a[b]`: a member of an array, text or bytes by position, of a mapping by key. */
export function compileItem(context: CompileContext, { safe, at }: NodeOf<"item">, container: Code, item: Code): Code {
  const { type } = container;
  if (type.kind === "null") return constant(context, at, null);
  const positional = type.kind === "text" || type.kind === "bytes" || type.kind === "array";
  if (!positional && type.kind !== "mapping" && type.kind !== "unknown") {
    throw new RuleRefusal(`${type.kind} has no items`, at);
  }
  if (positional && !types.fits(item.type, types.NUMBER)) throw new RuleRefusal("the position is no number", at);
  const result =
    type.kind === "text" ? type : type.kind === "bytes" ? types.NUMBER : "of" in type ? type.of : types.UNKNOWN;
  return operation(context, at, [container, item], result, (frame) => {
    const value = container.run(frame);
    return value === null ? null : itemOf(value, item.run(frame), safe, frame);
  });
}

function itemOf(value: RuleValue, item: RuleValue, safe: boolean, frame: Frame): RuleValue {
  if (typeof value === "string" || isArray(value) || value instanceof Uint8Array) {
    const member = memberAt(value, position(item));
    if (member !== undefined) return member;
    if (safe) return null;
    throw new RuleError("the position is out of range");
  }
  const kind = kindOf(value);
  if (kind !== "mapping") throw mismatch(`${kind} has no items`);
  return memberOf(value as Mapping, item, frame) ?? null;
}

function memberAt(value: string | RuleValue[] | Uint8Array, index: number): RuleValue | undefined {
  if (typeof value !== "string") return value[index < 0 ? index + value.length : index];
  if (index >= 0) return codePointAt(value, index);
  const characters = Array.from(value);
  return characters[index + characters.length];
}

/** A position; beyond the range of a double, all are equally out of bounds. */
function position(item: RuleValue): number {
  if (!isNumber(item) || !isWhole(item)) throw mismatch("a position is a whole number");
  return Number(toBigInt(item));
}

/** `a[b:c]`, where either bound may be null or missing. */
export function compileSlice(
  context: CompileContext,
  { at }: NodeOf<"slice">,
  container: Code,
  start: Code | undefined,
  stop: Code | undefined,
): Code {
  const { type } = container;
  if (type.kind === "null") return constant(context, at, null);
  const known = type.kind === "text" || type.kind === "bytes" || type.kind === "array";
  if (!known && type.kind !== "unknown") throw new RuleRefusal(`${type.kind} has no parts`, at);
  const parts = [container, start, stop].filter((part) => part !== undefined);
  return operation(context, at, parts, type, (frame) => {
    const value = container.run(frame);
    if (value === null) return null;
    const from = bound(start, 0, frame);
    const to = bound(stop, Number.POSITIVE_INFINITY, frame);
    return slice(value, from, to, frame);
  });
}

function bound(code: Code | undefined, otherwise: number, frame: Frame): number {
  const value = code?.run(frame) ?? null;
  return value === null ? otherwise : position(value);
}
