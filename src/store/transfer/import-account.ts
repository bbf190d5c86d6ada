import { createHash } from "node:crypto";
import type { z } from "zod";
import { OperatorError } from "../../kernel/operator-error.ts";
import type { Vault } from "../keys/vault.ts";
import { type Connection, isSqliteError } from "../sqlite/connection.ts";
import { integer, type SqlValue } from "../sqlite/sql.ts";
import { ACCOUNT_FORMAT, columnsOf, End, fromLineValue, Header, RowLine, SEAL_CHECK_LABEL } from "./account-lines.ts";
import type { AccountTable } from "./account-table.ts";
import { createExportSeal, type ExportSeal } from "./export-seal.ts";

type Import = {
  tables: readonly AccountTable[];
  vault: Pick<Vault, "seal">;
  passphrase: string | undefined;
  /**
   * Checks the whole account once it is imported. If it finds problems, nothing is kept. `highest` holds the highest
   * number used of each numbering.
   */
  finish: (accountId: string, highest: ReadonlyMap<string, number>) => string[];
};

/**
 * Imports an account into a database without accounts, in the open transaction. Refuses, with the line number, a file
 * that is incomplete, of another format or schema, or inconsistent; the caller must then roll the transaction back.
 */
export async function importAccount(connection: Connection, lines: AsyncIterable<string>, imported: Import) {
  const importer = new Importer(connection, imported);
  let number = 0;
  try {
    for await (const line of lines) {
      number += 1;
      importer.take(line);
    }
    number += 1;
    return importer.end();
  } catch (error) {
    if (error instanceof OperatorError || isSqliteError(error))
      throw new OperatorError(`line ${number}: ${error.message}`);
    throw error;
  }
}

class Importer {
  readonly #connection: Connection;
  readonly #imported: Import;
  readonly #tables: ReadonlyMap<string, Target>;
  readonly #highest = new Map<string, number>();
  readonly #hash = createHash("sha256");
  #accountId: string | undefined;
  #seal: ExportSeal | undefined;
  #reached = 0;
  #rows = 0;
  #ended = false;

  constructor(connection: Connection, imported: Import) {
    this.#connection = connection;
    this.#imported = imported;
    this.#tables = new Map(imported.tables.map((table, index) => [table.table, targetOf(connection, table, index)]));
  }

  take(line: string): void {
    if (this.#ended) throw new OperatorError("there is more behind the end");
    const value = parse(line);
    const isEnd = typeof value === "object" && value !== null && "end" in value;
    if (this.#accountId === undefined) this.#begin(read(Header, value, "is not the header of an account"));
    else if (isEnd) this.#finish(read(End, value, "is not an end"));
    else this.#insert(read(RowLine, value, "is not a row"));
    if (!this.#ended) this.#hash.update(`${line}\n`);
  }

  end(): { accountId: string; rows: number } {
    if (!this.#ended || this.#accountId === undefined)
      throw new OperatorError("the end is missing: this is only a part");
    return { accountId: this.#accountId, rows: this.#rows };
  }

  #begin({ format, schema, account, secrets, check }: z.infer<typeof Header>): void {
    if (format > ACCOUNT_FORMAT) throw new OperatorError("made by a newer twinpost; import it with that one");
    const own = integer(this.#connection.get("SELECT max(number) AS number FROM schema_migrations") ?? {}, "number");
    if (schema > own)
      throw new OperatorError(`made by a newer twinpost (schema ${schema}, here ${own}); import it with that one`);
    if (schema < own) {
      throw new OperatorError(
        `made by an older twinpost (schema ${schema}, here ${own}); export it anew with this version, or import it with that one and start this one there`,
      );
    }
    if (this.#connection.get("SELECT 1 FROM accounts WHERE id = ?", account)) {
      throw new OperatorError(`account ${account} is here already`);
    }
    if (this.#connection.get("SELECT 1 FROM accounts") || this.#connection.get("SELECT 1 FROM events")) {
      throw new OperatorError("the database has accounts already, and an account is imported into an empty one");
    }
    if (secrets === "sealed") {
      const { passphrase } = this.#imported;
      if (passphrase === undefined || check === undefined) {
        throw new OperatorError(
          "its secrets are sealed with a passphrase; name a file with it, --passphrase-file FILE",
        );
      }
      this.#seal = createExportSeal(passphrase, account);
      this.#seal.open(SEAL_CHECK_LABEL, check);
    }
    this.#accountId = account;
  }

  #insert({ table: name, row }: z.infer<typeof RowLine>): void {
    const target = this.#tables.get(name);
    if (!target) throw new OperatorError(`there is no table ${name} in an account`);
    if (target.index < this.#reached) throw new OperatorError(`${name} does not come here`);
    this.#reached = target.index;
    const { table, columns, sql } = target;
    const unknown = Object.keys(row).filter((column) => !columns.includes(column));
    const missing = columns.filter((column) => !Object.hasOwn(row, column));
    for (const column of [...unknown, ...missing]) {
      throw new OperatorError(`${name} ${unknown.includes(column) ? "has no" : "lacks its"} column ${column}`);
    }
    const values = new Map<string, SqlValue>(columns.map((column) => [column, fromLineValue(row[column] ?? null)]));
    for (const [column, numbering] of Object.entries(table.numbered ?? {})) {
      const value = Number(values.get(column));
      if (!(Number.isSafeInteger(value) && value > 0)) throw new OperatorError(`${name}.${column} is no rank`);
      this.#highest.set(numbering.name, Math.max(value, this.#highest.get(numbering.name) ?? 0));
    }
    for (const [column, naming] of Object.entries(table.named ?? {})) {
      const sql = `SELECT ${naming.number} AS number FROM ${naming.table} WHERE ${naming.name} = ?`;
      const numbered = this.#connection.get(sql, values.get(column) ?? null);
      if (!numbered) throw new OperatorError(`${name}.${column} names what is not there`);
      values.set(column, integer(numbered, "number"));
    }
    for (const { column, label } of table.sealed ?? []) {
      const sealed = values.get(column);
      if (sealed === null || sealed === undefined) continue;
      if (!this.#seal)
        throw new OperatorError(`${name}.${column} holds a secret, though the header says there are none`);
      const labelled = label(Object.fromEntries(values));
      values.set(column, this.#imported.vault.seal(labelled, this.#seal.open(labelled, String(sealed))));
    }
    if (Object.values(row).some((value) => typeof value === "string" && !isStorable(value))) {
      throw new OperatorError(`${name} has text that is ill-formed`);
    }
    this.#connection.run(sql, ...values.values(), ...Object.values(table.fixed ?? {}));
    target.inserted += 1;
    this.#rows += 1;
  }

  #finish({ end: { rows, sha256 } }: z.infer<typeof End>): void {
    const accountId = this.#accountId as string;
    if (rows !== this.#rows) throw new OperatorError(`it ends after ${rows} rows, and ${this.#rows} are here`);
    if (sha256 !== this.#hash.digest("hex")) throw new OperatorError("it is not what was written: the digest differs");
    for (const { table, inserted } of this.#tables.values()) {
      const own = this.#connection.get(`SELECT count(*) AS count FROM ${table.table} WHERE ${table.where}`, accountId);
      if (integer(own ?? {}, "count") !== inserted) {
        throw new OperatorError(`some rows of ${table.table} are not of account ${accountId}`);
      }
    }
    const [problem] = this.#imported.finish(accountId, this.#highest);
    if (problem) throw new OperatorError(problem);
    this.#ended = true;
  }
}

type Target = { table: AccountTable; index: number; columns: readonly string[]; sql: string; inserted: number };

function targetOf(connection: Connection, table: AccountTable, index: number): Target {
  const columns = columnsOf(connection, table);
  const all = [...columns, ...Object.keys(table.fixed ?? {})];
  const sql = `INSERT INTO ${table.table} (${all.join(", ")}) VALUES (${all.map(() => "?").join(", ")})`;
  return { table, index, columns, sql, inserted: 0 };
}

const isStorable = (text: string) => !text.includes("\0") && text.isWellFormed();

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new OperatorError("is not JSON");
  }
}

function read<Shape extends z.ZodType>(shape: Shape, value: unknown, complaint: string): z.output<Shape> {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new OperatorError(`${complaint}: ${[...(issue?.path ?? []), issue?.message].join(" ")}`);
}
