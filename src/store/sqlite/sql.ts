import type { JsonObject } from "../../kernel/json.ts";
import type { JsonText } from "../../kernel/json-text.ts";

/**
 * Values that may be bound. The driver aborts the whole process on any other (a boolean, an object), so they are
 * checked first.
 */
export type SqlValue = string | number | bigint | null | Uint8Array;

declare const declared: unique symbol;

/** What a wake-up is about. Each room declares its topics as constants, and lists them in its manifest. */
export type Topic = string & { readonly [declared]: true };

/** Declares a topic. Its name is what the writer's thread sends, so names are unique. */
export const declareTopic = (name: string) => name as Topic;

export type Row = Readonly<Record<string, unknown>>;

/** Runs queries. Inside `store.read` it is one snapshot: only committed data, consistent throughout. */
export type Reader = {
  /** The first row, if there is one. */
  get(sql: string, ...binds: SqlValue[]): Row | undefined;
  all(sql: string, ...binds: SqlValue[]): Row[];
  /**
   * Returns the result of `ask`, which is run once per snapshot and shared by all callers that pass the same function
   * object, so pass a constant and not an inline arrow. In a command, where results change, it is run on each call.
   */
  once<Answer>(ask: (reader: Reader) => Answer): Answer;
  /**
   * The instant of the query, in ms since the epoch; in a command, the one instant of everything it writes. It never decreases from command to
   * command.
   */
  readonly now: number;
};

/**
 * An append-only table that every command adds rows to and few commands read. `number` is the name of its INTEGER
 * PRIMARY KEY column. The newest row must never be deleted: then SQLite's next key is always the highest plus 1, and it
 * is known before the row is written. `columns` are the columns that `append` takes values for, in this order.
 */
export type AppendOnlyTable = { readonly name: string; readonly number: string; readonly columns: readonly string[] };

/** A command's view of the open transaction. A function that writes takes a `Tx`, one that only reads a `Reader`. */
export type Tx = Reader & {
  /** Returns the number of changed rows. */
  run(sql: string, ...binds: SqlValue[]): number;
  /** Wakes the listeners of the topic after the commit. A hint that may be lost. */
  wake(topic: Topic): void;
  /** Adds one row and returns its row id. */
  insert(sql: string, ...binds: SqlValue[]): number;
  /**
   * The same for an append-only table: its rows are written together, at the latest before a statement that names the
   * table.
   */
  append(table: AppendOnlyTable, ...values: SqlValue[]): number;
};

export function assertBindable(binds: readonly unknown[]): asserts binds is SqlValue[] {
  for (const value of binds) {
    const isBindable =
      typeof value === "string"
        ? !value.includes("\0") && value.isWellFormed()
        : typeof value === "number"
          ? Number.isFinite(value)
          : value === null || typeof value === "bigint" || value instanceof Uint8Array;
    if (!isBindable) throw new TypeError(`cannot bind ${describe(value)}`);
  }
}

const describe = (value: unknown) =>
  typeof value === "string" ? "text with a NUL or a lone surrogate" : typeof value === "number" ? value : typeof value;

// Rows are checked when read: a column of an unexpected type is a bug or a damaged file, and fails here.

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

/** A JSON object stored as text; the schema's checks guarantee its form. */
export function jsonOrNull(row: Row, column: string): JsonObject | null {
  const value = textOrNull(row, column);
  return value === null ? null : JSON.parse(value);
}

/** Returns the stored JSON text unparsed, for code that only forwards it. */
export const jsonTextOrNull = (row: Row, column: string) => textOrNull(row, column) as JsonText | null;

/** The stored form of an optional JSON object. */
export const toJsonText = (value: JsonObject | null | undefined) => (value ? JSON.stringify(value) : null);

const mistyped = (column: string, wanted: string, value: unknown) =>
  new TypeError(`column ${column} should hold ${wanted}, not ${value === undefined ? "nothing" : typeof value}`);
