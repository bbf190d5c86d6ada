import { assert } from "../../kernel/assert.ts";
import type { Connection } from "../sqlite/connection.ts";
import { type AppendOnlyTable, integer, type SqlValue } from "../sqlite/sql.ts";

/**
 * Maximum number of rows that one statement writes; the rest is written in statements of 16, 8, 4, 2 and 1. The driver
 * takes 10 us for a single row of the journal, and 5 us per row for 32 together.
 */
const ROWS_MAX = 32;

/**
 * Rows of append-only tables added by the commands of an open transaction. They are written together, before the commit
 * or before a statement that names their table.
 */
export class PendingInserts {
  readonly #connection: Connection;
  readonly #tables = new Map<AppendOnlyTable, PendingRows>();
  #pendingCount = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Returns the number of the new row. */
  add(table: AppendOnlyTable, values: readonly SqlValue[]): number {
    let pending = this.#tables.get(table);
    if (!pending) {
      pending = new PendingRows(this.#connection, table);
      this.#tables.set(table, pending);
    }
    this.#pendingCount++;
    return pending.add(values);
  }

  /** Must be called before any other statement: writes the pending rows that it could read. */
  flushFor(sql: string): void {
    if (this.#pendingCount === 0) return;
    for (const pending of this.#tables.values()) if (pending.isNamedIn(sql)) this.#flush(pending);
  }

  flush(): void {
    if (this.#pendingCount === 0) return;
    for (const pending of this.#tables.values()) this.#flush(pending);
  }

  #flush(pending: PendingRows): void {
    const { count } = pending;
    pending.flush();
    this.#pendingCount -= count;
  }

  /**
   * Forgets the pending rows and the newest row's number. Must be called after a roll-back, and when a transaction
   * begins, because another connection may have added rows since the previous one.
   */
  clear(): void {
    this.#pendingCount = 0;
    for (const pending of this.#tables.values()) pending.clear();
  }
}

/** The pending rows of one table. */
class PendingRows {
  readonly #connection: Connection;
  readonly #table: AppendOnlyTable;
  readonly #namedIn = new Map<string, boolean>();
  readonly #name: RegExp;
  /** Statements by number of rows. */
  readonly #inserts = new Map<number, string>();
  #values: SqlValue[] = [];
  /** The number of the newest row, once it was read in this transaction. */
  #newest: number | undefined;

  constructor(connection: Connection, table: AppendOnlyTable) {
    this.#connection = connection;
    this.#table = table;
    this.#name = new RegExp(`\\b${table.name}\\b`);
  }

  get count(): number {
    return this.#values.length / this.#table.columns.length;
  }

  add(values: readonly SqlValue[]): number {
    this.#newest ??= this.#findNewest();
    this.#newest++;
    this.#values.push(...values);
    return this.#newest;
  }

  /** Whether a statement names this table. The result is cached by its text: statements are few and constant. */
  isNamedIn(sql: string): boolean {
    const known = this.#namedIn.get(sql);
    if (known !== undefined) return known;
    const named = this.#name.test(sql);
    this.#namedIn.set(sql, named);
    return named;
  }

  /** If writing fails the rows stay pending, so that the transaction cannot be committed without them. */
  flush(): void {
    const values = this.#values;
    const width = this.#table.columns.length;
    let last = this.#newest;
    for (let written = 0, rows = ROWS_MAX; written < values.length; ) {
      while (rows * width > values.length - written) rows /= 2;
      const end = written + rows * width;
      last = this.#connection.insert(this.#insertOf(rows), ...values.slice(written, end));
      written = end;
    }
    assert(last === this.#newest, `rows of ${this.#table.name} have the numbers that add() returned`);
    this.#values = [];
  }

  clear(): void {
    this.#values = [];
    this.#newest = undefined;
  }

  #findNewest(): number {
    const { name, number } = this.#table;
    const row = this.#connection.get(`SELECT coalesce(max(${number}), 0) AS newest FROM ${name}`);
    return integer(row ?? {}, "newest");
  }

  #insertOf(rows: number): string {
    const known = this.#inserts.get(rows);
    if (known !== undefined) return known;
    const { name, columns } = this.#table;
    const row = `(${columns.map(() => "?").join(", ")})`;
    const sql = `INSERT INTO ${name} (${columns.join(", ")}) VALUES ${Array(rows).fill(row).join(", ")}`;
    this.#inserts.set(rows, sql);
    return sql;
  }
}
