import type { Invariant } from "../store/invariant.ts";

export const LEDGER_INVARIANTS: readonly Invariant[] = [
  {
    broken: "ledger_entries: {name} of {account_id} on {twin_id} counts {record_count} history records, and has {kept}",
    sql: `SELECT e.name, e.account_id, e.twin_id, e.record_count, count(h.changed_at) AS kept
          FROM ledger_entries e LEFT JOIN ledger_records h
            ON h.twin_id = e.twin_id AND h.account_id = e.account_id AND h.name = e.name
          GROUP BY e.twin_id, e.account_id, e.name HAVING kept <> e.record_count`,
  },
  {
    broken: "ledger_entries: the value of {name} of {account_id} on {twin_id} is not JSON",
    sql: "SELECT name, account_id, twin_id FROM ledger_entries WHERE NOT json_valid(value)",
  },
  {
    broken: "ledger_entries: what {name} of {account_id} on {twin_id} has of its history is not JSON",
    sql: "SELECT name, account_id, twin_id FROM ledger_entries WHERE NOT json_valid(recent)",
  },
  {
    broken: "ledger_entries: what {name} of {account_id} on {twin_id} has of its history is not its newest",
    sql: `SELECT e.name, e.account_id, e.twin_id FROM ledger_entries e JOIN ledger_history h
            ON h.twin_id = e.twin_id AND h.account_id = e.account_id AND h.name = e.name
          WHERE json_valid(e.recent) AND h.changed_at >= e.recent ->> '$[0][0]'
          GROUP BY e.twin_id, e.account_id, e.name`,
  },
  {
    broken: "ledger_history: {name} of {account_id} on {twin_id} has a record from after its last change",
    sql: `SELECT h.name, h.account_id, h.twin_id FROM ledger_records h JOIN ledger_entries e
            ON h.twin_id = e.twin_id AND h.account_id = e.account_id AND h.name = e.name
          WHERE h.changed_at > e.value_changed_at`,
  },
  {
    broken: "ledger_history: the last record of {name} of {account_id} on {twin_id} is not its value",
    sql: `SELECT h.name, h.account_id, h.twin_id FROM ledger_records h JOIN ledger_entries e
            ON h.twin_id = e.twin_id AND h.account_id = e.account_id AND h.name = e.name
            AND h.changed_at = e.value_changed_at
          WHERE h.value <> e.value`,
  },
];
