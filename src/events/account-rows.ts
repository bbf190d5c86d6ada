import type { Connection } from "../store/sqlite/connection.ts";
import type { AccountTable } from "../store/transfer/account-table.ts";

/** That an account was imported is of the server that it came to: the journal says it there, and it does not travel on. */
const IMPORTED = "account.imported";

export const OWN_EVENTS = `account_id = ?1 AND kind <> '${IMPORTED}'`;

/** The journal of an account. Its numbers, which documents share, are handed in by the room that knows those. */
export const EVENT_TABLE = { table: "events", where: OWN_EVENTS, order: "sequence" } as const satisfies AccountTable;

/**
 * Journals an import behind everything that came with it, even where that is only numbers of rows that were cut: what happens from now on
 * must not take those.
 */
export function insertImported(
  connection: Pick<Connection, "run" | "get">,
  accountId: string,
  last: number,
  now: number,
) {
  const newest = connection.get("SELECT max(occurred_at) AS occurred_at FROM events");
  connection.run(
    `INSERT INTO events (sequence, occurred_at, account_id, kind, actor_kind, data) VALUES (?, ?, ?, '${IMPORTED}', 'operator', '{}')`,
    last + 1,
    Math.max(now, Number(newest?.["occurred_at"] ?? 0)),
    accountId,
  );
}
