import type { JsonObject } from "../../kernel/json.ts";
import type { JsonText } from "../../kernel/json-text.ts";

/** What may be bound. The driver aborts the whole process on anything else (a boolean, an object), so we look first. */
export type SqlValue = string | number | bigint | null | Uint8Array;

declare const declared: unique symbol;

/** What a hint is about. Each room declares its own topics as constants, and names them in its manifest. */
export type Topic = string & { readonly [declared]: true };

/** Declares a topic. Its name is what the writer's thread sends, so no two topics have the same one. */
export const wakeTopic = (name: string) => name as Topic;

export type Row = Readonly<Record<string, unknown>>;

/** Asks questions. Inside `store.read` it is one snapshot: only what was committed, the same throughout. */
export type Reader = {
  /** The first row, if there is one. */
  get(sql: string, ...binds: SqlValue[]): Row | undefined;
  all(sql: string, ...binds: SqlValue[]): Row[];
  /** The answer to a question that many ask: asked once a snapshot; in a command, where answers change, each time. */
  once<Answer>(ask: (reader: Reader) => Answer): Answer;
  /** The instant of asking; in a command, the one instant of everything it writes, which never decreases from command to command. */
  readonly now: number;
};

/**
 * A table that every command adds rows to and hardly one reads. They get the next numbers, as SQLite would number them: its key is `number`,
 * and the newest row is never deleted.
 */
export type GrowingTable = { readonly name: string; readonly number: string; readonly columns: readonly string[] };

/** A command's view of the open transaction. A function that writes asks for a `Tx`, one that only reads for a `Reader`. */
export type Tx = Reader & {
  /** Answers how many rows changed. */
  run(sql: string, ...binds: SqlValue[]): number;
  /** Tells whoever listens to the topic that there is something to do. A hint that may be lost: given after the commit, or never. */
  wake(topic: Topic): void;
  /** Adds one row and answers its row id. */
  insert(sql: string, ...binds: SqlValue[]): number;
  /** The same for a table that every command adds to: rows are written together, at the latest when one of them is asked for. */
  append(table: GrowingTable, ...values: SqlValue[]): number;
};

export function assertBindable(binds: readonly unknown[]): asserts binds is SqlValue[] {
  for (const value of binds) {
    const fine =
      typeof value === "string"
        ? !value.includes("\0") && value.isWellFormed()
        : typeof value === "number"
          ? Number.isFinite(value)
          : value === null || typeof value === "bigint" || value instanceof Uint8Array;
    if (!fine) throw new TypeError(`cannot bind ${describe(value)}`);
  }
}

const describe = (value: unknown) =>
  typeof value === "string" ? "text with a NUL or a lone surrogate" : typeof value === "number" ? value : typeof value;

// Rows are parsed on their way out: a column of another type than promised is a bug or a damaged file, and stops here.

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw mistyped(column, "text", value);
  return value;
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw mistyped(column, "an integer", value);
  return value;
}

export const boolean = (row: Row, column: string) => integer(row, column) === 1;
export const textOrNull = (row: Row, column: string) => (row[column] === null ? null : text(row, column));
export const integerOrNull = (row: Row, column: string) => (row[column] === null ? null : integer(row, column));

/** A JSON object kept as text; the schema's checks vouch for its form. */
export function jsonOrNull(row: Row, column: string): JsonObject | null {
  const value = textOrNull(row, column);
  return value === null ? null : JSON.parse(value);
}

/** Likewise, for those who only pass it on. */
export const jsonTextOrNull = (row: Row, column: string) => textOrNull(row, column) as JsonText | null;

/** How an optional JSON object is kept. */
export const toJsonText = (value: JsonObject | null | undefined) => (value ? JSON.stringify(value) : null);

const mistyped = (column: string, wanted: string, value: unknown) =>
  new TypeError(`column ${column} should hold ${wanted}, not ${value === undefined ? "nothing" : typeof value}`);
