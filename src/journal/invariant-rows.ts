import type { Invariant } from "../store/sqlite/invariant.ts";

export const EVENT_INVARIANTS: readonly Invariant[] = [
  {
    broken: "events: the journal has a gap before {sequence}",
    sql: `SELECT sequence FROM events e WHERE sequence > (SELECT min(sequence) FROM events)
            AND NOT EXISTS (SELECT 1 FROM events p WHERE p.sequence = e.sequence - 1)`,
  },
  {
    broken: "events: the journal goes back in time at {sequence}",
    sql: `SELECT e.sequence FROM events e JOIN events p ON p.sequence = e.sequence - 1 WHERE e.occurred_at < p.occurred_at`,
  },
  {
    broken: "events: what {sequence} says is no JSON object",
    sql: "SELECT sequence FROM events WHERE CASE WHEN json_valid(data) THEN json_type(data) ELSE '' END <> 'object'",
  },
  {
    broken: "events: {sequence} is of account {account_id}, which does not exist",
    sql: "SELECT sequence, account_id FROM events WHERE account_id NOT IN (SELECT id FROM accounts)",
  },
  {
    broken: "events: {sequence} is about twin {twin_id}, which does not exist",
    sql: "SELECT sequence, twin_id FROM events WHERE twin_id IS NOT NULL AND twin_id NOT IN (SELECT id FROM twins)",
  },
];
