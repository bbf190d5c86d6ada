import { z } from "zod";

// Field types of the hub API (specification 1.4).

/** An id of this server in upper or lower case; whether it exists is checked elsewhere. */
export const Id = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, "must be a UUID")
  .transform((id) => id.toLowerCase());

/** Clients generated from protobuf send an enum's zero value, or null, for an unset field. */
export const optionalProtobufEnum = <const Values extends readonly string[]>(values: Values, zero: string) =>
  z
    .enum([zero, ...values], `must be one of ${values.join(", ")}`)
    .nullish()
    .transform((value) => (value === zero || value === null ? undefined : value) as Values[number] | undefined);

const hasControls = (text: string) => /[\p{Cc}\p{Cs}]/u.test(text);

/** A line of human-readable text. */
export const SingleLineText = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((text) => !hasControls(text), "must not contain control characters");

export const Instant = z.string().meta({ format: "date-time" });
export const viewInstant = (at: number) => (at === 0 ? "1970-01-01T00:00:00Z" : new Date(at).toISOString());
