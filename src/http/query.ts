import { z } from "zod";

// Query values arrive as text. Clients spell booleans `True` or `true`, and lists as a repeated key or joined by commas
// (specification 1.1).

/** The values of a query by name. A repeated key keeps all of its values, in an array. */
export function queryValues(url: string): Record<string, string | string[]> {
  const start = url.indexOf("?");
  if (start < 0) return {};
  const values: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(url.slice(start))) {
    const before = values[name];
    values[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return values;
}

const BOOLEANS: Record<string, boolean> = { true: true, "1": true, false: false, "0": false };

export const queryBoolean = (fallback: boolean) =>
  z
    .string()
    .refine((text) => text.toLowerCase() in BOOLEANS, "must be true or false")
    .transform((text) => BOOLEANS[text.toLowerCase()] as boolean)
    .default(fallback)
    .meta({ type: "boolean" });

export const queryInteger = (minimum: number, maximum: number, fallback: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum))
    .default(fallback)
    .meta({ type: "integer", minimum, maximum });
