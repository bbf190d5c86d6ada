import type { Invariant } from "../store/invariant.ts";

export const ACCESS_INVARIANTS: readonly Invariant[] = [
  {
    broken: "access_epoch: {count} rows, not one; nobody would notice that rights were lost",
    sql: "SELECT count(*) AS count FROM access_epoch HAVING count(*) <> 1",
  },
  ...["user", "role"].map((what) => ({
    broken: `accounts: {id} counts {counted} ${what}s, and has {present}`,
    sql: `SELECT id, counted, present FROM (
            SELECT id, ${what}_count AS counted, (SELECT count(*) FROM ${what}s WHERE account_id = accounts.id) AS present
            FROM accounts)
          WHERE counted <> present`,
  })),
  {
    broken: "pins: the PIN of user {user_id} is of another account than the user",
    sql: "SELECT p.user_id FROM pins p JOIN users u ON u.id = p.user_id WHERE u.account_id <> p.account_id",
  },
];
