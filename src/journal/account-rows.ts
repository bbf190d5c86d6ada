import type { Connection } from "../store/sqlite/connection.ts";
import type { AccountTable } from "../store/transfer/account-table.ts";

/** Journals that an account was imported. This row belongs to the importing server and is not exported. */
const IMPORTED = "account.imported";

export const OWN_EVENTS = `account_id = ?1 AND kind <> '${IMPORTED}'`;

/** The journal of an account. Documents share its numbering, which the room that knows documents passes in. */
export const EVENT_TABLE = { table: "events", where: OWN_EVENTS, order: "sequence" } as const satisfies AccountTable;

/**
 * Makes the journal's next row follow every number that came with an import, including numbers of rows already pruned,
 * so that new rows never reuse one.
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
