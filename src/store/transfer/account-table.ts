import type { Row, SqlValue } from "../sqlite/sql.ts";

/**
 * A numbering that all accounts of a database share (the journal's sequence, the order of twins). One account's share of it has gaps and
 * begins anywhere, so it leaves as ranks, 1, 2, 3, …, which are the same wherever the account lives. `sources` are questions for every
 * number that is used anywhere, with the account as ?1.
 */
export type Numbering = { readonly name: string; readonly sources: readonly string[] };

/** Numbers that each database gives by itself to things that have a name (hubs): they travel as the name, and take the number over there. */
export type Naming = { readonly table: string; readonly number: string; readonly name: string };

/** A column that is sealed with the master key, and the label that it is sealed under. */
type SealedColumn = { readonly column: string; readonly label: (row: Row) => string };

/** How one account's rows of a table leave in an export and come into another database. Columns that are not named here go as they are. */
export type AccountTable = {
  readonly table: string;
  /** Whose rows, as a condition with the account as ?1, and in which order: the same in every database. */
  readonly where: string;
  readonly order: string;
  /** Columns that stay behind: what the database counts itself, or what is true of this server only; and what they are over there. */
  readonly fixed?: Readonly<Record<string, SqlValue>>;
  readonly numbered?: Readonly<Record<string, Numbering>>;
  readonly named?: Readonly<Record<string, Naming>>;
  readonly sealed?: readonly SealedColumn[];
  /** Rows mean nothing without what is sealed: without a passphrase they all stay behind. */
  readonly secret?: true;
  /** Changes numbers that stand inside texts. */
  readonly rewrite?: (row: Row, rank: (numbering: Numbering, number: number) => number) => Row;
  /** Rows of the account that stay behind: how many, as a question with the account as ?1, and why. */
  readonly left?: readonly { readonly what: string; readonly count: string }[];
};

/** Of its own twins: what an account has on another's stays behind, because that twin does. */
export const ON_OWN_TWIN = "account_id = ?1 AND twin_id IN (SELECT id FROM twins WHERE owner_id = ?1)";
export const countForeign = (table: string) =>
  `SELECT count(*) AS count FROM ${table} WHERE account_id = ?1 AND twin_id NOT IN (SELECT id FROM twins WHERE owner_id = ?1)`;
