import type { Row, SqlValue } from "../sqlite/sql.ts";

/**
 * A sequence of numbers that all accounts of a database share (the journal's sequence, the order of twins). One
 * account's numbers have gaps and start anywhere, so they are exported as ranks 1, 2, 3, …, which are the same in every
 * database. `sources` are queries for every number in use, with the account as ?1.
 */
export type Numbering = { readonly name: string; readonly sources: readonly string[] };

/**
 * Numbers that each database assigns itself to named things (hubs): the name is exported, and replaced by the target's
 * number on import.
 */
export type Naming = { readonly table: string; readonly number: string; readonly name: string };

/** A column sealed with the master key, and the label it is sealed with. */
type SealedColumn = { readonly column: string; readonly label: (row: Row) => string };

/** How one account's rows of a table are exported and imported. Columns not mentioned here are copied as they are. */
export type AccountTable = {
  readonly table: string;
  /**
   * A condition that selects the account's rows, with the account as ?1, and an order that is the same in every
   * database.
   */
  readonly where: string;
  readonly order: string;
  /**
   * Columns that are not exported, because the database counts them itself or they hold only for this server; with
   * their values after import.
   */
  readonly fixed?: Readonly<Record<string, SqlValue>>;
  /** Columns, by name, that hold a number of a `Numbering`: exported as its rank. */
  readonly numbered?: Readonly<Record<string, Numbering>>;
  /** Columns, by name, that hold a number of a `Naming`: exported as the name. */
  readonly named?: Readonly<Record<string, Naming>>;
  readonly sealed?: readonly SealedColumn[];
  /** Its rows are useless without their sealed columns: without a passphrase none is exported. */
  readonly secret?: true;
  /** Replaces numbers inside texts. */
  readonly rewrite?: (row: Row, rank: (numbering: Numbering, number: number) => number) => Row;
  /** Rows of the account that are not exported: a query that counts them, with the account as ?1, and the words for what they are. */
  readonly left?: readonly { readonly what: string; readonly count: string }[];
};

/** Only rows on the account's own twins: rows on another account's twin are not exported, because that twin is not. */
export const ON_OWN_TWIN = "account_id = ?1 AND twin_id IN (SELECT id FROM twins WHERE owner_id = ?1)";
export const countForeign = (table: string) =>
  `SELECT count(*) AS count FROM ${table} WHERE account_id = ?1 AND twin_id NOT IN (SELECT id FROM twins WHERE owner_id = ?1)`;
