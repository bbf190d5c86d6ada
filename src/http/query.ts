import { z } from "zod";
import { invalid } from "../kernel/failure.ts";
import { parse } from "../kernel/parse.ts";
import { SECONDS_MAX, Timestamp, UUID_PATTERN, Uuid } from "../kernel/schema.ts";

// Query values arrive as text. Clients spell booleans `True` or `true`, and lists as a repeated key or joined by commas
// (specification 1.1).

/**
 * Returns a function that reads a URL's query by its schema; faults are refused as `parameter`. Most URLs have no
 * query, and share one object of defaults.
 */
export function queryReader(schema: z.ZodObject): (url: string) => unknown {
  const none = schema.safeParse({});
  return (url) => {
    if (none.success && !url.includes("?")) return none.data;
    return parse(schema, queryValues(url), "parameter", "Query");
  };
}

/**
 * The query's values by name. A repeated key keeps all its values, in an array. NUL is refused everywhere: no database
 * stores it.
 */
function queryValues(url: string): Record<string, string | string[]> {
  const start = url.indexOf("?");
  if (start < 0) return {};
  const values: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(url.slice(start))) {
    if (value.includes("\0")) {
      const issue = { path: name, message: "must not contain NUL", reason: "format" as const };
      throw invalid("parameter", "Query is not acceptable.", [issue]);
    }
    const before = values[name];
    if (before === undefined) values[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else values[name] = [before, value];
  }
  return values;
}

const BOOLEANS = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

export const queryBoolean = (fallback: boolean) =>
  z
    .string()
    .transform((text, context) => BOOLEANS.get(text.toLowerCase()) ?? complain(context, "must be true or false"))
    .default(fallback)
    .meta({ type: "boolean" });

/** A list of distinct texts that match the pattern: a repeated key, values joined by commas, or both. */
export const queryList = (pattern: RegExp) =>
  z
    .union([z.string(), z.array(z.string())])
    .transform((given, context) => {
      const items = [...new Set([given].flat().flatMap((text) => text.split(",")))];
      if (items.every((item) => pattern.test(item))) return items;
      context.issues.push({ code: "custom", input: given, message: `each must match ${pattern.source}` });
      return z.NEVER;
    })
    .optional()
    .meta({ type: "array", items: { type: "string", pattern: pattern.source } });

/** An instant in seconds, the same number as in bodies, but as text. */
export const querySeconds = () =>
  z
    .string()
    .transform((text, context) => {
      const instant = /^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Timestamp.safeParse(Number(text)).data : undefined;
      return instant ?? complain(context, "must be Unix seconds");
    })
    .optional()
    .meta({ type: "number", minimum: 0, maximum: SECONDS_MAX });

/** One account, or a boolean for all or none. */
export const queryAccountOrBoolean = (fallback: boolean) =>
  z
    .string()
    .transform((text, context) => {
      if (Uuid.safeParse(text).success) return text;
      return BOOLEANS.get(text.toLowerCase()) ?? complain(context, "must be true, false or the UUID of an account");
    })
    .default(fallback)
    .meta({ type: ["boolean", "string"], pattern: `^${UUID_PATTERN}$` });

/** `personal`, `system`, or accounts. */
export const queryContext = (fallback: "personal" | "system") =>
  z
    .union([z.string(), z.array(z.string())])
    .transform((given, context): "personal" | "system" | string[] => {
      if (given === "personal" || given === "system") return given;
      const accounts = [given].flat().flatMap((text) => text.split(","));
      if (accounts.every((account) => Uuid.safeParse(account).success)) return accounts;
      context.issues.push({ code: "custom", input: given, message: "must be personal, system or UUIDs of accounts" });
      return z.NEVER;
    })
    .default(fallback)
    .meta({
      anyOf: [
        { type: "string", enum: ["personal", "system"] },
        { type: "array", items: { type: "string", pattern: `^${UUID_PATTERN}$` } },
      ],
    });

/** `personal`, `system`, or one account. */
export const queryContextOfOne = (fallback: "personal" | "system") =>
  z
    .string()
    .refine(
      (text) => text === "personal" || text === "system" || Uuid.safeParse(text).success,
      "must be personal, system or the UUID of an account",
    )
    .default(fallback)
    .meta({ pattern: `^(personal|system|${UUID_PATTERN})$`, examples: ["personal", "system"] });

export const queryInteger = (minimum: number, maximum: number, fallback: number) =>
  z
    .string()
    .transform((text, context) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      const inRange = value >= minimum && value <= maximum;
      return inRange ? value : complain(context, `must be a whole number from ${minimum} to ${maximum}`);
    })
    .default(fallback)
    .meta({ type: "integer", minimum, maximum });

/** The page size of a list, unless the caller asks for less. */
const PAGE_MAX = 1000;

/**
 * For lists without pages in the original: a caller who asks for no pages gets all, up to a size that few accounts
 * reach.
 */
export const queryPage = {
  cursor: z.string().optional().meta({ description: "The start of the page, from the `Link` of the previous page." }),
  limit: queryInteger(1, PAGE_MAX, PAGE_MAX),
};

function complain(context: z.core.$RefinementCtx<string>, message: string) {
  context.issues.push({ code: "custom", input: context.value, message });
  return z.NEVER;
}
