import { jsonOrNull, type Row, text } from "../../store/sqlite/sql.ts";
import type { MessageProperties } from "../wire/message.ts";
import { ROW_OVERHEAD_BYTES } from "./store-limits.ts";

// Shared by all tables that hold messages.

/** The part of a message that can be large. */
type MessageBody = { topic: string; payload: Uint8Array; properties: MessageProperties | null };

/**
 * The columns as SQL parameters: properties as JSON, and the bytes that count against a budget. A UTF-16 code unit
 * counts as a byte.
 */
export type BodyColumns = { topic: string; payload: Uint8Array; properties: string | null; bytes: number };

export function bodyColumns({ topic, payload, properties }: MessageBody): BodyColumns {
  const json = properties === null ? null : JSON.stringify(properties);
  return {
    topic,
    payload,
    properties: json,
    bytes: ROW_OVERHEAD_BYTES + topic.length + payload.length + (json?.length ?? 0),
  };
}

export const bodyFrom = (row: Row): MessageBody => ({
  topic: text(row, "topic"),
  payload: bytes(row, "payload"),
  properties: jsonOrNull(row, "properties") as MessageProperties | null,
});

function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${column} should hold bytes, not ${typeof value}`);
  return value;
}
