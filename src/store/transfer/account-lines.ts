import { z } from "zod";
import type { Connection } from "../sqlite/connection.ts";
import type { Row, SqlValue } from "../sqlite/sql.ts";
import type { AccountTable } from "./account-table.ts";

// An account as lines of JSON: a header, its rows table by table, and an end line, whose absence shows that a file was
// cut off.

export const ACCOUNT_FORMAT = 1;
/** Label of a sealed value in the header, which shows at once whether the passphrase is right. */
export const SEAL_CHECK_LABEL = "export-check";

export const Header = z.strictObject({
  twinpost: z.literal("account"),
  format: z.int(),
  /** Number of the newest migration of the source database. */
  schema: z.int(),
  account: z.string(),
  secrets: z.enum(["sealed", "left out"]),
  check: z.string().optional(),
});

export const End = z.strictObject({ end: z.strictObject({ rows: z.int(), sha256: z.string() }) });

const Value = z.union([z.string(), z.number(), z.null(), z.strictObject({ base64: z.base64() })]);
type Value = z.infer<typeof Value>;

/** Keys are columns, so `row` needs no protection against names such as `__proto__`. */
export const RowLine = z.strictObject({ table: z.string(), row: z.record(z.string(), Value) });

export const toLineValue = (value: SqlValue): Value => {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString("base64") };
  return typeof value === "bigint" ? Number(value) : value;
};

export const fromLineValue = (value: Value): SqlValue =>
  value !== null && typeof value === "object" ? new Uint8Array(Buffer.from(value.base64, "base64")) : value;

/** The exported columns of a table, in the order of the schema. */
export const columnsOf = (connection: Connection, { table, fixed = {} }: AccountTable): string[] =>
  connection
    .all("SELECT name FROM pragma_table_info(?) ORDER BY cid", table)
    .map((row: Row) => String(row["name"]))
    .filter((column) => !Object.hasOwn(fixed, column));
