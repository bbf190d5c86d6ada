import { assert } from "../../kernel/assert.ts";
import type { Connection } from "../sqlite/connection.ts";
import { type GrowingTable, integer, type SqlValue } from "../sqlite/sql.ts";

/**
 * So many rows at most are written by one statement, and otherwise by a few of half the size and so on. The driver takes 10 us for a row of
 * the journal by itself, and 5 for each of 32.
 */
const ROWS_MAX = 32;

/**
 * Rows of growing tables that the commands of an open transaction have added: they are written together, before it is committed, or before a
 * statement that names their table.
 */
export class AppendedRows {
  readonly #connection: Connection;
  readonly #tables = new Map<GrowingTable, Appended>();
  #waiting = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Answers the number of the new row. */
  add(table: GrowingTable, values: readonly SqlValue[]): number {
    let appended = this.#tables.get(table);
    if (!appended) {
      appended = new Appended(this.#connection, table);
      this.#tables.set(table, appended);
    }
    this.#waiting++;
    return appended.add(values);
  }

  /** To be called before any other statement: rows that it might ask for are written first. */
  writeFor(sql: string): void {
    if (this.#waiting === 0) return;
    for (const appended of this.#tables.values()) if (appended.isNamedIn(sql)) this.#write(appended);
  }

  write(): void {
    if (this.#waiting === 0) return;
    for (const appended of this.#tables.values()) this.#write(appended);
  }

  #write(appended: Appended): void {
    const { waiting } = appended;
    appended.write();
    this.#waiting -= waiting;
  }

  /** To be called where a transaction begins, for others may have added rows since the last one, and where it was rolled back. */
  forget(): void {
    this.#waiting = 0;
    for (const appended of this.#tables.values()) appended.forget();
  }
}

/** The rows of one table. */
class Appended {
  readonly #connection: Connection;
  readonly #table: GrowingTable;
  readonly #naming = new Map<string, boolean>();
  readonly #name: RegExp;
  /** By number of rows. */
  readonly #inserts = new Map<number, string>();
  #values: SqlValue[] = [];
  /** The number of the newest row, once it was asked for in this transaction. */
  #newest: number | undefined;

  constructor(connection: Connection, table: GrowingTable) {
    this.#connection = connection;
    this.#table = table;
    this.#name = new RegExp(`\\b${table.name}\\b`);
  }

  get waiting(): number {
    return this.#values.length / this.#table.columns.length;
  }

  add(values: readonly SqlValue[]): number {
    this.#newest ??= this.#findNewest();
    this.#newest++;
    this.#values.push(...values);
    return this.#newest;
  }

  /** Statements are few, and constant. */
  isNamedIn(sql: string): boolean {
    const known = this.#naming.get(sql);
    if (known !== undefined) return known;
    const named = this.#name.test(sql);
    this.#naming.set(sql, named);
    return named;
  }

  /** Rows that could not be written stay, so that nobody can commit without them. */
  write(): void {
    const values = this.#values;
    const width = this.#table.columns.length;
    let last = this.#newest;
    for (let written = 0, rows = ROWS_MAX; written < values.length; ) {
      while (rows * width > values.length - written) rows /= 2;
      const end = written + rows * width;
      last = this.#connection.insert(this.#insertOf(rows), ...values.slice(written, end));
      written = end;
    }
    assert(last === this.#newest, `rows of ${this.#table.name} have the numbers that were told`);
    this.#values = [];
  }

  forget(): void {
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
