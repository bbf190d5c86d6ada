import type { AccountTable } from "../../store/transfer/account-table.ts";

const OF_USERS = "user_id IN (SELECT id FROM users WHERE account_id = ?1)";

/**
 * Without PINs and tokens: PINs are digested with the master key and live ten minutes, tokens are signed with this
 * server's key; neither would work on another server.
 */
export const ACCESS_TABLES: readonly AccountTable[] = [
  {
    table: "accounts",
    where: "id = ?1",
    order: "id",
    // Triggers count these as rows are inserted.
    fixed: { user_count: 0, role_count: 0, reference_count: 0 },
  },
  { table: "roles", where: "account_id = ?1", order: "created_at, id" },
  { table: "users", where: "account_id = ?1", order: "created_at, id" },
  {
    table: "user_secrets",
    where: OF_USERS,
    order: "user_id",
    left: [
      { what: "PINs, which live ten minutes", count: "SELECT count(*) AS count FROM pins WHERE account_id = ?1" },
      {
        what: "user tokens, which only this server can verify",
        count: `SELECT count(*) AS count FROM user_tokens WHERE ${OF_USERS}`,
      },
    ],
  },
];
