import type { z } from "zod";
import { type InvalidKind, type IssueReason, invalid } from "./failure.ts";

/** A hostile body can be wrong in thousands of places; report only the first ones. */
const ISSUES_MAX = 20;

/** Parses a caller's value with the schema. Refuses it as `kind`, with the issues and their paths. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, kind: InvalidKind, what: string) {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, ISSUES_MAX).map(({ code, path, message }) => ({
    path: path.join("."),
    message,
    reason: reasonOf(code, value, path),
  }));
  throw invalid(kind, `${what} is not acceptable.`, issues);
}

function reasonOf(code: string, value: unknown, path: PropertyKey[]): IssueReason {
  let nested: unknown = value;
  for (const key of path) nested = (nested as Record<PropertyKey, unknown> | undefined)?.[key];
  if (nested === undefined && path.length > 0) return "required";
  return code === "too_small" || code === "too_big" ? "constraint" : "format";
}
