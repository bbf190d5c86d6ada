import { createHash } from "node:crypto";
import { OperatorError } from "../../kernel/operator-error.ts";
import type { Vault } from "../keys/vault.ts";
import type { Connection } from "../sqlite/connection.ts";
import { integer, type Row, type SqlValue, text } from "../sqlite/sql.ts";
import { ACCOUNT_FORMAT, columnsOf, SEAL_CHECK_LABEL, toLineValue } from "./account-lines.ts";
import type { AccountTable, Naming, Numbering } from "./account-table.ts";
import type { ExportSeal } from "./export-seal.ts";

export type Export = {
  accountId: string;
  tables: readonly AccountTable[];
  /** Opens the database's sealed values and seals them for the export; null leaves secrets out. */
  secrets: { vault: Pick<Vault, "open">; seal: ExportSeal } | null;
};

/** The lines of an account, as one snapshot. The connection must be unshared and have no open transaction. */
export function* exportAccount(connection: Connection, exported: Export): Generator<string> {
  const { accountId, tables, secrets } = exported;
  connection.run("BEGIN");
  if (!connection.get("SELECT 1 FROM accounts WHERE id = ?", accountId))
    throw new OperatorError(`there is no account ${accountId}`);
  const numbers = { rank: rankNumbers(connection, exported), nameOf: namesIn(connection) };
  const hash = createHash("sha256");
  let rows = 0;
  const line = (value: unknown) => {
    const written = `${JSON.stringify(value)}\n`;
    hash.update(written);
    return written;
  };
  const schema = integer(connection.get("SELECT max(number) AS number FROM schema_migrations") ?? {}, "number");
  yield line({
    twinpost: "account",
    format: ACCOUNT_FORMAT,
    schema,
    account: accountId,
    secrets: secrets ? "sealed" : "left out",
    ...(secrets && { check: secrets.seal.seal(SEAL_CHECK_LABEL, new Uint8Array(1)) }),
  });
  for (const table of tables) {
    if (table.secret && !secrets) continue;
    const columns = columnsOf(connection, table);
    const sql = `SELECT ${columns.join(", ")} FROM ${table.table} WHERE ${table.where} ORDER BY ${table.order}`;
    for (const row of connection.each(sql, accountId)) {
      const values = exportRow(table, row, numbers, secrets);
      yield line({
        table: table.table,
        row: Object.fromEntries(columns.map((name) => [name, toLineValue(values[name] as SqlValue)])),
      });
      rows += 1;
    }
  }
  yield `${JSON.stringify({ end: { rows, sha256: hash.digest("hex") } })}\n`;
  connection.run("COMMIT");
}

/** What is not exported of the account, one phrase each. */
export function listNotExported(connection: Connection, { accountId, tables, secrets }: Export): string[] {
  const count = (sql: string) => integer(connection.get(sql, accountId) ?? {}, "count");
  const left = tables.flatMap(({ left = [] }) => left.map(({ what, count: sql }) => ({ what, count: count(sql) })));
  const sealed = secrets
    ? []
    : tables.flatMap(({ table, where, secret, sealed: columns = [] }) =>
        secret
          ? [
              {
                what: `rows of ${table}, which need a passphrase`,
                count: count(`SELECT count(*) AS count FROM ${table} WHERE ${where}`),
              },
            ]
          : columns.map(({ column }) => ({
              what: `secrets in ${table}.${column}, which need a passphrase`,
              count: count(`SELECT count(${column}) AS count FROM ${table} WHERE ${where}`),
            })),
      );
  return [...left, ...sealed].filter(({ count }) => count > 0).map(({ what, count }) => `${count} ${what}`);
}

type Numbers = { rank: Rank; nameOf: NameOf };

function exportRow(table: AccountTable, row: Row, { rank, nameOf }: Numbers, secrets: Export["secrets"]): Row {
  const values: Record<string, unknown> = { ...(table.rewrite?.(row, rank) ?? row) };
  for (const [column, numbering] of Object.entries(table.numbered ?? {})) {
    values[column] = rank(numbering, Number(row[column]));
  }
  for (const [column, naming] of Object.entries(table.named ?? {})) {
    values[column] = nameOf(naming, Number(row[column]));
  }
  for (const { column, label } of table.sealed ?? []) {
    const sealed = row[column];
    if (sealed === null) continue;
    const name = label(row);
    values[column] = secrets ? secrets.seal.seal(name, secrets.vault.open(name, String(sealed))) : null;
  }
  return values;
}

type Rank = (numbering: Numbering, number: number) => number;

/** Ranks every number of the account in a temporary table of this connection, which spills to disk if it is large. */
function rankNumbers(connection: Connection, { accountId, tables }: Export): Rank {
  const numberings = new Map(
    tables.flatMap(({ numbered = {} }) => Object.values(numbered)).map((numbering) => [numbering.name, numbering]),
  );
  connection.run(
    `CREATE TEMP TABLE ranks (numbering TEXT, number INTEGER, rank INTEGER, PRIMARY KEY (numbering, number)) WITHOUT ROWID`,
  );
  for (const { name, sources } of numberings.values()) {
    connection.run(
      `INSERT INTO ranks SELECT ?2, number, row_number() OVER (ORDER BY number)
       FROM (SELECT ?1 AS account) LEFT JOIN (${sources.join(" UNION ")}) WHERE number IS NOT NULL`,
      accountId,
      name,
    );
  }
  return ({ name }, number) => {
    const row = connection.get("SELECT rank FROM ranks WHERE numbering = ? AND number = ?", name, number);
    if (!row)
      throw new OperatorError(`the account refers to ${name} ${number}, which is not its own; see twinpost check`);
    return integer(row, "rank");
  };
}

type NameOf = (naming: Naming, number: number) => string;

const namesIn =
  (connection: Connection): NameOf =>
  ({ table, number, name }, value) =>
    text(connection.get(`SELECT ${name} FROM ${table} WHERE ${number} = ?`, value) ?? {}, name);
