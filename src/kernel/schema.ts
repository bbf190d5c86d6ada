import { z } from "zod";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { writeJson } from "./json-text.ts";

// Field types that several resources share, as the account API defines them (specification 1.4–1.6).

/** A version 4 UUID in lower case, to build other patterns from. */
export const UUID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

export const Uuid = z
  .string()
  .regex(new RegExp(`^${UUID_PATTERN}$`), "must be a lower-case UUID, version 4")
  .meta({ examples: ["e5b20c97-3d48-4f16-92ab-4c8d7f1e6a05"] });

/**
 * The last second of the year 9999. No caller needs a later instant, and this stays within what a double can represent.
 */
export const SECONDS_MAX = 253_402_300_799;

/** An instant in a request: Unix seconds with three decimals; internally whole milliseconds. */
export const Timestamp = z
  .number()
  .min(0)
  .max(SECONDS_MAX)
  // Rounded to microseconds first: 1707997021.23 seconds are not 1707997021229.9998 milliseconds.
  .transform((seconds) => Math.floor(Math.round(seconds * 1e6) / 1e3));

/** An instant in a response. */
export const TimestampView = z.number().meta({ description: "Unix seconds with up to three decimals." });

export const toSeconds = (instant: number) => instant / 1000;
export const toSecondsOrNull = (instant: number | null) => (instant === null ? null : toSeconds(instant));

/**
 * A JSON object with keys of the caller's choice. It is kept unchanged, `__proto__` included, which zod's own object
 * types would drop. The keys of its first level must match `keyPattern`.
 */
const openObject = (keyPattern?: RegExp, items?: z.core.JSONSchema.BaseSchema) =>
  z
    .custom<JsonObject>(isJsonObject, "must be an object")
    .check((context) => {
      for (const key of Object.keys(context.value)) {
        if (keyPattern?.test(key) !== false) continue;
        const message = `key must match ${keyPattern.source}`;
        context.issues.push({ code: "custom", input: key, path: [key], message });
      }
    })
    .meta({
      type: "object",
      ...(keyPattern && { propertyNames: { pattern: keyPattern.source } }),
      ...(items && { additionalProperties: items }),
    });

/** A description or a dictionary (1.5): any JSON values under lower-case keys. */
export const Description = openObject(/^[a-z_][0-9a-z_]{0,63}$/);
/** The same, for values that are only stored and returned. */
export const DescriptionText = Description.transform(writeJson);
export const DescriptionView = openObject();

/** Any JSON value, stored and returned as text. */
export const AnyJson = z.custom<JsonValue>((value) => value !== undefined, "is required").transform(writeJson);

/**
 * A dictionary with items of one shape, parsed to pairs: `__proto__` may be a key, which zod's own records would drop.
 */
export const dictionaryOf = <Item extends z.ZodType>(keyPattern: RegExp, item: Item) =>
  openObject(keyPattern, schemaOf(item)).transform((dictionary, context) => {
    const pairs: [string, z.output<Item>][] = [];
    for (const key of Object.keys(dictionary)) {
      const parsed = item.safeParse(dictionary[key]);
      if (parsed.success) pairs.push([key, parsed.data]);
      for (const { path, message } of parsed.error?.issues ?? []) {
        context.issues.push({ code: "custom", input: dictionary[key], path: [key, ...path], message });
      }
    }
    return pairs;
  });

function schemaOf(item: z.ZodType): z.core.JSONSchema.BaseSchema {
  const { $schema, ...schema } = z.toJSONSchema(item, { io: "input", unrepresentable: "any" });
  return schema;
}
