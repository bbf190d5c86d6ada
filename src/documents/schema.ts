import { z } from "zod";
import { isJsonObject, type JsonObject } from "../kernel/json.ts";
import { withRawJson } from "../kernel/json-text.ts";
import type { Document } from "./rows.ts";

// Request and response schemas of documents, the same in every API (specification 2.1 to 2.4).

/** Names go into URLs unescaped; `.` and `..` would be resolved away (2.2). */
export const DocumentName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^(?!\.{1,2}$)[-_.~0-9a-zA-Z]+$/, "must be letters, digits, - _ . ~, and not . or ..");

const VERSION_MAX = 2 ** 32 - 1;

const isVersion = (value: unknown) => {
  const version = typeof value === "string" && /^[0-9]{1,10}$/.test(value) ? Number(value) : value;
  return Number.isInteger(version) && (version as number) >= 0 && (version as number) <= VERSION_MAX;
};

/** The version last read. Absent, null and 0 are the same: any stored version. Decimal text is accepted (2.4). */
const Version = z
  .custom<number | string>(isVersion, `must be a whole number from 0 to ${VERSION_MAX}`)
  .nullish()
  .transform((version) => Number(version ?? 0))
  .meta({ type: "integer", minimum: 0, maximum: VERSION_MAX });

/** Any JSON object, unchanged: `__proto__` is an ordinary key. */
const Data = z.custom<JsonObject>(isJsonObject, "must be an object").meta({ type: "object" });

/** The body of a put, and of a patch, where `data` is the merge patch. */
export const DocumentBody = z.object({ version: Version, data: Data });

export const DocumentView = z.object({
  twin_id: z.uuid(),
  document_name: z.string(),
  version: z.int(),
  data: Data,
});

export const DocumentListView = z.object({ documents: z.array(z.object({ document_name: z.string() })) });

/** The wire form of a document; the stored text is inserted as it is. */
export const viewDocument = ({ twinId, name, version, data }: Document) =>
  withRawJson({ twin_id: twinId, document_name: name, version }, { data });

export const viewDocuments = (names: string[]): z.infer<typeof DocumentListView> => ({
  documents: names.map((name) => ({ document_name: name })),
});
