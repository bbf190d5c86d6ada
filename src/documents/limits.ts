import type { Config } from "../config.ts";
import { invalid, overQuota } from "../kernel/failure.ts";
import type { JsonText } from "../kernel/json-text.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { countDocuments } from "./rows.ts";

/**
 * How much a twin may hold (specification 2.7); passed with each command, so that it is the same wherever the command
 * runs.
 */
export type DocumentLimits = { byteCountMax: number; perTwinMax: number };

export const limitsOf = ({ documentBytesMax, documentsPerTwinMax }: Config): DocumentLimits => ({
  byteCountMax: documentBytesMax,
  perTwinMax: documentsPerTwinMax,
});

export function assertFits(data: JsonText, { byteCountMax }: DocumentLimits): void {
  // A character is at most three bytes of UTF-8 (one of four bytes counts as two characters here).
  if (data.length * 3 <= byteCountMax || Buffer.byteLength(data) <= byteCountMax) return;
  const message = `is larger than ${byteCountMax} bytes`;
  throw invalid("body", "Document is too large.", [{ path: "data", message, reason: "constraint" }]);
}

/** Refuses a new document on a twin that has the maximum. */
export function assertRoom(reader: Reader, twin: string, { perTwinMax }: DocumentLimits): void {
  const current = countDocuments(reader, twin);
  if (current < perTwinMax) return;
  const message = `A twin holds at most ${perTwinMax} documents.`;
  throw overQuota(message, { resource: "iot_twin_documents", quota: perTwinMax, current });
}
