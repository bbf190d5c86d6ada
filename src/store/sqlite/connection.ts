import { pathToFileURL } from "node:url";
import Database from "libsql";
import AsyncDatabase from "libsql/promise";
import { assert } from "../../kernel/assert.ts";
import { assertBindable, type Row, type SqlValue } from "./sql.ts";

/**
 * Page cache: with an update and an event row per command, groups of 64 and `synchronous=FULL`, 2, 64 and 256 MB
 * performed alike, because the system caches the file anyway. `wal_autocheckpoint` holds for connections outside the
 * writer: `Checkpoints` sets it to 0 on the writer's two.
 */
const PRAGMAS = [
  "journal_mode = WAL",
  "synchronous = FULL",
  "foreign_keys = ON",
  "cache_size = -16000",
  "wal_autocheckpoint = 1000",
  "journal_size_limit = 67108864",
  "trusted_schema = OFF",
];

type Query = { statement: Database.Statement; columns: readonly string[] };

/**
 * One connection to the database file. Each statement is prepared once and kept: SQL is constant text, so there are
 * few.
 */
export class Connection {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();
  readonly #queries = new Map<string, Query>();

  /**
   * `immutable` is for a file that no process writes to: it is read without locks, and no log or other file is created.
   */
  constructor(file: string, { readonly = false, immutable = false } = {}) {
    this.#database = new Database(immutable ? `${pathToFileURL(file).href}?mode=ro&immutable=1` : file);
    if (immutable) return;
    for (const pragma of PRAGMAS) this.pragma(pragma);
    if (readonly) this.pragma("query_only = ON");
  }

  // Binds are passed as one array: the driver would take a lone null or byte array for an object of named parameters.

  get(sql: string, ...binds: SqlValue[]): Row | undefined {
    assertBindable(binds);
    const { statement, columns } = this.#prepareQuery(sql);
    const values = statement.get(binds) as unknown[] | undefined;
    return values && rowOf(columns, values);
  }

  all(sql: string, ...binds: SqlValue[]): Row[] {
    assertBindable(binds);
    const { statement, columns } = this.#prepareQuery(sql);
    return (statement.all(binds) as unknown[][]).map((values) => rowOf(columns, values));
  }

  /** Yields row by row, for results too large to hold in memory. */
  *each(sql: string, ...binds: SqlValue[]): Generator<Row> {
    assertBindable(binds);
    const statement = this.#database.prepare(sql).raw();
    const columns = statement.columns().map(({ name }) => name);
    for (const values of statement.iterate(binds)) yield rowOf(columns, values as unknown[]);
  }

  run(sql: string, ...binds: SqlValue[]): number {
    assertBindable(binds);
    return this.#prepare(sql).run(binds).changes;
  }

  insert(sql: string, ...binds: SqlValue[]): number {
    assertBindable(binds);
    return Number(this.#prepare(sql).run(binds).lastInsertRowid);
  }

  /**
   * Runs SQL that keeps the disk busy, a commit or a checkpoint, in a thread of the driver, while the event loop goes
   * on. This connection must not be used until it resolves.
   */
  async runOffLoop(sql: string): Promise<void> {
    try {
      // Both APIs of the driver call the same functions on the same handle; a test verifies that.
      await AsyncDatabase.prototype.exec.call(this.#database as unknown as AsyncDatabase, sql);
    } finally {
      // The promise resolves inside a callback of the driver, which makes no other callback until this one returns:
      // leave it first.
      await new Promise<void>((done) => setImmediate(done));
    }
  }

  pragma(pragma: string): Row | undefined {
    const statement = this.#database.prepare(`PRAGMA ${pragma}`);
    if (statement.reader) return statement.get() as Row | undefined;
    statement.run();
    return undefined;
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  close(): void {
    this.#statements.clear();
    this.#queries.clear();
    this.#database.close();
  }

  /**
   * Accepts only SELECT: `INSERT … RETURNING` also returns rows, but the writer counts writes in `run` and `insert`,
   * and would miss it.
   */
  #prepareQuery(sql: string): Query {
    const known = this.#queries.get(sql);
    if (known) return known;
    assert(/^\s*SELECT\b/.test(sql), `a query begins with SELECT: ${sql}`);
    const statement = this.#database.prepare(sql).raw();
    const query = { statement, columns: statement.columns().map(({ name }) => name) };
    this.#queries.set(sql, query);
    return query;
  }

  #prepare(sql: string): Database.Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** The driver's own row objects take twice as long as arrays to build, and are slow to read. */
function rowOf(columns: readonly string[], values: readonly unknown[]): Row {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < columns.length; i++) row[columns[i] as string] = values[i];
  return row;
}

// Primary result codes of SQLite: the low byte of the code that the driver reports.
const BUSY = 5;
const CONSTRAINT = 19;
/** ERROR, TOOBIG, CONSTRAINT, MISMATCH, RANGE: the statement failed and was undone, the transaction goes on. */
const STATEMENT_ONLY = new Set([1, 18, CONSTRAINT, 20, 25]);

type DriverError = Error & { code: string; rawCode: number };

export const isSqliteError = (error: unknown): error is DriverError =>
  error instanceof Error && typeof (error as Partial<DriverError>).rawCode === "number";

export const concernsStatementOnly = (error: DriverError) => STATEMENT_ONLY.has(error.rawCode & 0xff);
export const isBusy = (error: unknown) => isSqliteError(error) && (error.rawCode & 0xff) === BUSY;
