import type { Invariant } from "../../store/sqlite/invariant.ts";
import { UNGOVERNED_ACTIONS } from "./actions.ts";

/** A statement's actions that need permission, as a set of rows. */
const governed = (list: string) =>
  `(SELECT value FROM json_each(${list}) WHERE value NOT IN (${UNGOVERNED_ACTIONS.map((action) => `'${action}'`)}))`;

const HELD = governed("r.actions");
const LEFT = governed("s.ceiling -> '$.statement.actions'");

/**
 * Whether a role permits what the ceiling of a secret does not: `exceeds` in SQL, without what rules read of the user.
 */
const EXCEEDS = `CASE
    WHEN r.effect = 'deny' AND s.ceiling ->> '$.statement.effect' = 'deny' THEN EXISTS (SELECT * FROM ${LEFT} EXCEPT SELECT * FROM ${HELD})
    WHEN r.effect = 'deny' THEN true
    WHEN s.ceiling ->> '$.statement.effect' = 'deny' THEN EXISTS (SELECT * FROM ${HELD} INTERSECT SELECT * FROM ${LEFT})
    ELSE EXISTS (SELECT * FROM ${HELD} EXCEPT SELECT * FROM ${LEFT}) END
  OR s.ceiling ->> '$.rules.twin' <> coalesce(r.twin_rule, '')
  OR s.ceiling ->> '$.rules.identity' <> coalesce(r.identity_rule, '')
  OR s.ceiling ->> '$.rules.entry' <> coalesce(r.entry_rule, '')`;

export const ACCESS_INVARIANTS: readonly Invariant[] = [
  {
    broken: "access_epoch: {count} rows, not one; lost rights would not be noticed",
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
  {
    broken: "pins: the PIN of user {user_id} was made by one of another account, or with another's token",
    sql: `SELECT p.user_id FROM pins p JOIN users m ON m.id = p.maker_id LEFT JOIN user_tokens t ON t.id = p.token_id
      WHERE m.account_id <> p.account_id OR t.user_id <> p.maker_id`,
  },
  {
    broken: "user_secrets: the role of user {user_id} permits more than who made their secret held",
    sql: `SELECT s.user_id FROM user_secrets s JOIN users u ON u.id = s.user_id
      JOIN roles r ON r.id = u.role_id AND r.account_id = u.account_id WHERE s.ceiling IS NOT NULL AND (${EXCEEDS})`,
  },
];
