import { z } from "zod";
import { isJsonObject, type JsonObject } from "./json.ts";
import { writeJson } from "./json-text.ts";

// Field types that several nouns share, as the account API spells them (specification 1.4–1.6).

export const Uuid = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    "must be a lower-case UUID, version 4",
  )
  .meta({ examples: ["e5b20c97-3d48-4f16-92ab-4c8d7f1e6a05"] });

/** Seconds of the year 9999's last moment: later instants are nobody's wish, and stay clear of what a double can count. */
const SECONDS_MAX = 253_402_300_799;

/** An instant in a request: Unix seconds, of which three decimals count; inside, whole milliseconds. */
export const Timestamp = z
  .number()
  .min(0)
  .max(SECONDS_MAX)
  // Rounded to microseconds first: 1707997021.23 seconds are not 1707997021229.9998 milliseconds.
  .transform((seconds) => Math.floor(Math.round(seconds * 1e6) / 1e3));

/** An instant in an answer. */
export const TimestampView = z.number().meta({ description: "Unix seconds with up to three decimals." });

export const toSeconds = (instant: number) => instant / 1000;
export const toSecondsOrNull = (instant: number | null) => (instant === null ? null : toSeconds(instant));

/**
 * A JSON object of the caller's own: kept as it came, `__proto__` included, which zod's own object types would drop.
 * `keyPattern` is what its first level of keys must match.
 */
const openObject = (keyPattern?: RegExp) =>
  z
    .custom<JsonObject>(isJsonObject, "must be an object")
    .check((context) => {
      for (const key of Object.keys(context.value)) {
        if (keyPattern?.test(key) !== false) continue;
        const message = `key must match ${keyPattern.source}`;
        context.issues.push({ code: "custom", input: key, path: [key], message });
      }
    })
    .meta({ type: "object", ...(keyPattern && { propertyNames: { pattern: keyPattern.source } }) });

/** A description or a dictionary (1.5): any JSON values under lower-case keys. */
export const Description = openObject(/^[a-z_][0-9a-z_]{0,63}$/);
/** Likewise, where it is only kept and given back. */
export const DescriptionText = Description.transform(writeJson);
export const DescriptionView = openObject();
