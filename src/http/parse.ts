import type { z } from "zod";
import { type InvalidKind, invalid } from "../kernel/failure.ts";

/** What the schema makes of a value that came from a caller; refused as `kind`, with every complaint and its place. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, kind: InvalidKind, what: string) {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  throw invalid(kind, `${what} is not acceptable.`, issues);
}
