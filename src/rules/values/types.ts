import { charge, type Meter } from "./limits.ts";
import { isArray, type Kind, keysOf, kindOf, membersOf, type RuleMapping, RuleSet, type RuleValue } from "./values.ts";

// Types known at compile time. rule-engine refuses a rule whose types cannot fit, even in a branch that is never taken,
// and so must we: a rule that a vendor's server refuses must not be accepted here.

export type FunctionType = {
  kind: "function";
  name: string;
  returns: StaticType;
  /** Undefined: any that the function itself accepts. */
  args: StaticType[] | undefined;
  minimum: number;
};

export type StaticType =
  | { kind: "unknown" }
  | { kind: Exclude<Kind, "array" | "set" | "mapping" | "function"> }
  | { kind: "array" | "set"; of: StaticType }
  | { kind: "mapping"; keys: StaticType; of: StaticType }
  | FunctionType;

export const UNKNOWN: StaticType = { kind: "unknown" };
export const NULL: StaticType = { kind: "null" };
export const BOOLEAN: StaticType = { kind: "boolean" };
export const NUMBER: StaticType = { kind: "number" };
export const TEXT: StaticType = { kind: "text" };
export const BYTES: StaticType = { kind: "bytes" };
export const DATETIME: StaticType = { kind: "datetime" };
export const DURATION: StaticType = { kind: "duration" };
export const SET: StaticType = { kind: "set", of: UNKNOWN };
export const ARRAY: StaticType = { kind: "array", of: UNKNOWN };
export const arrayOf = (of: StaticType): StaticType => ({ kind: "array", of });
export const setOf = (of: StaticType): StaticType => ({ kind: "set", of });
export const mappingOf = (keys: StaticType, of: StaticType): StaticType => ({ kind: "mapping", keys, of });
export const functionType = (
  name: string,
  returns: StaticType,
  args: StaticType[] | undefined,
  minimum = args?.length ?? 0,
): FunctionType => ({ kind: "function", name, returns, args, minimum });
export const FUNCTION = functionType("function", UNKNOWN, undefined);

export function sameType(a: StaticType, b: StaticType): boolean {
  if (a === b) return true;
  if (a.kind === "function" || b.kind === "function") {
    if (a.kind !== "function" || b.kind !== "function" || !sameType(a.returns, b.returns)) return false;
    if (a.minimum !== b.minimum || a.args?.length !== b.args?.length) return false;
    return (a.args ?? []).every((arg, i) => sameType(arg, b.args?.[i] ?? UNKNOWN));
  }
  if (a.kind !== b.kind) return false;
  if (a.kind === "mapping" && b.kind === "mapping") return sameType(a.keys, b.keys) && sameType(a.of, b.of);
  return "of" in a && "of" in b ? sameType(a.of, b.of) : true;
}

/** Whether a value of one type can be of the other, as far as both are known. */
export function fits(a: StaticType, b: StaticType): boolean {
  if (a.kind === "unknown" || b.kind === "unknown") return true;
  if (a.kind !== b.kind) return false;
  if (a.kind === "mapping" && b.kind === "mapping") return fits(a.keys, b.keys) && fits(a.of, b.of);
  if (a.kind === "function" && b.kind === "function") {
    if (!fits(a.returns, b.returns)) return false;
    if (!a.args || !b.args) return true;
    return (
      a.args.length === b.args.length &&
      a.minimum === b.minimum &&
      a.args.every((arg, i) => fits(arg, (b.args as StaticType[])[i] as StaticType))
    );
  }
  return "of" in a && "of" in b ? fits(a.of, b.of) : true;
}

/** The one common type of all members, except nulls; unknown if there are several, or none. */
export function commonType(types: StaticType[]): StaticType {
  let common: StaticType | undefined;
  for (const type of types) {
    if (type.kind === "null") continue;
    if (common && !sameType(common, type)) return UNKNOWN;
    common = type;
  }
  return common ?? UNKNOWN;
}

/** The type of a value, in full depth; charges steps for visiting every member. */
export function typeOf(value: RuleValue, meter: Meter): StaticType {
  charge(meter, 1);
  if (isArray(value)) return arrayOf(commonType(value.map((member) => typeOf(member, meter))));
  if (value instanceof RuleSet) return setOf(commonType([...value.members.values()].map((m) => typeOf(m, meter))));
  const kind = kindOf(value);
  if (kind === "mapping") {
    const mapping = value as RuleMapping;
    const keys = keysOf(mapping).map((key) => typeOf(key, meter));
    return mappingOf(commonType(keys), commonType(membersOf(mapping).map((member) => typeOf(member, meter))));
  }
  return kind === "function" ? FUNCTION : ({ kind } as StaticType);
}

export const isIterable = (type: StaticType) => type.kind === "array" || type.kind === "set" || type.kind === "mapping";

/** The type of a comprehension's variable. */
export const memberType = (type: StaticType): StaticType =>
  type.kind === "mapping" ? type.keys : type.kind === "array" || type.kind === "set" ? type.of : UNKNOWN;
