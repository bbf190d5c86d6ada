import { pathToFileURL } from "node:url";
import Database from "libsql";
import AsyncDatabase from "libsql/promise";
import { assert } from "../../kernel/assert.ts";
import { assertBindable, type Row, type SqlValue } from "./sql.ts";

/**
 * Measured with an update and a journal row a command, groups of 64 and `synchronous=FULL`: a page cache of 2,
 * 64 or 256 MB made no difference beyond noise, because the system caches the file anyway. On checkpoints, see there.
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

type Question = { statement: Database.Statement; columns: readonly string[] };

/** One connection to the database file, with each statement prepared once and kept. SQL is constant text, so they are few. */
export class Connection {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();
  readonly #questions = new Map<string, Question>();

  /** `immutable`: a file that nobody writes to is read as it is, without locks and without files beside it. */
  constructor(file: string, { readonly = false, immutable = false } = {}) {
    this.#database = new Database(immutable ? `${pathToFileURL(file).href}?mode=ro&immutable=1` : file);
    if (immutable) return;
    for (const pragma of PRAGMAS) this.pragma(pragma);
    if (readonly) this.pragma("query_only = ON");
  }

  // The driver takes a single bind that is null or bytes for a list of names, so it is always handed the whole array.

  get(sql: string, ...binds: SqlValue[]): Row | undefined {
    assertBindable(binds);
    const { statement, columns } = this.#prepareQuestion(sql);
    const values = statement.get(binds) as unknown[] | undefined;
    return values && rowOf(columns, values);
  }

  all(sql: string, ...binds: SqlValue[]): Row[] {
    assertBindable(binds);
    const { statement, columns } = this.#prepareQuestion(sql);
    return (statement.all(binds) as unknown[][]).map((values) => rowOf(columns, values));
  }

  /** Row by row, for what is too much to be held at once. */
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
   * Runs what keeps the disk busy, a commit or a checkpoint, in a thread of the driver's, while the event loop goes on. Until it
   * resolves this connection is not to be used.
   */
  async runAside(sql: string): Promise<void> {
    try {
      // Both of the driver's faces call the same functions on the same handle; a test holds it to that.
      await AsyncDatabase.prototype.exec.call(this.#database as unknown as AsyncDatabase, sql);
    } finally {
      // We are inside of a callback of the driver's, and until it returns it calls nobody else: so it is left first.
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
    this.#questions.clear();
    this.#database.close();
  }

  /** `INSERT … RETURNING` answers rows too, but it is a write, and writes are counted where they are made: in `run`. */
  #prepareQuestion(sql: string): Question {
    const known = this.#questions.get(sql);
    if (known) return known;
    assert(/^\s*SELECT\b/.test(sql), `a question begins with SELECT: ${sql}`);
    const statement = this.#database.prepare(sql).raw();
    const question = { statement, columns: statement.columns().map(({ name }) => name) };
    this.#questions.set(sql, question);
    return question;
  }

  #prepare(sql: string): Database.Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** The driver's own row objects take it twice the time that arrays do, and are slow to look into. */
function rowOf(columns: readonly string[], values: readonly unknown[]): Row {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < columns.length; i++) row[columns[i] as string] = values[i];
  return row;
}

// Primary result codes of SQLite, the low byte of what the driver reports.
const BUSY = 5;
const CONSTRAINT = 19;
/** ERROR, TOOBIG, CONSTRAINT, MISMATCH, RANGE: the statement failed and was undone, the transaction goes on. */
const STATEMENT_ONLY = new Set([1, 18, CONSTRAINT, 20, 25]);

type DriverError = Error & { code: string; rawCode: number };

export const isSqliteError = (error: unknown): error is DriverError =>
  error instanceof Error && typeof (error as Partial<DriverError>).rawCode === "number";

export const concernsStatementOnly = (error: DriverError) => STATEMENT_ONLY.has(error.rawCode & 0xff);
export const isBusy = (error: unknown) => isSqliteError(error) && (error.rawCode & 0xff) === BUSY;
