import type { Invariant } from "../../store/sqlite/invariant.ts";

/** The history records in an entry's own row; none if they are not valid JSON. */
const RECENT = "CASE WHEN json_valid(e.recent) THEN e.recent ELSE '[]' END";
const NEWEST = "'$[#-1]'";

const OF_ENTRY = "h.twin_id = e.twin_id AND h.account_id = e.account_id AND h.name = e.name";

const FANS = "SELECT source_twin, source_account, source_name, account_id";

export const LEDGER_INVARIANTS: readonly Invariant[] = [
  {
    broken: "accounts: {id} counts {counted} references, and has {present}",
    sql: `SELECT id, reference_count AS counted, coalesce(present, 0) AS present FROM accounts LEFT JOIN (
            SELECT account_id, count(*) AS present FROM ledger_entries WHERE type = 'reference' GROUP BY account_id
          ) ON account_id = id
          WHERE counted <> coalesce(present, 0)`,
  },
  {
    broken:
      "reference_fans: {account_id} refers to {source_name} of {source_account} on {source_twin} another number of times",
    sql: `SELECT * FROM (${FANS}, count FROM reference_fans
            EXCEPT ${FANS}, count(*) FROM ledger_entries WHERE type = 'reference' GROUP BY 1, 2, 3, 4)
          UNION ALL
          SELECT * FROM (${FANS}, count(*) FROM ledger_entries WHERE type = 'reference' GROUP BY 1, 2, 3, 4
            EXCEPT ${FANS}, count FROM reference_fans)`,
  },
  {
    broken: "ledger_entries: {name} of {account_id} on {twin_id} counts {record_count} history records, and has {kept}",
    sql: `SELECT name, account_id, twin_id, record_count, moved + json_array_length(recent) AS kept FROM (
            SELECT name, account_id, twin_id, record_count, ${RECENT} AS recent,
              (SELECT count(*) FROM ledger_history h WHERE ${OF_ENTRY}) AS moved
            FROM ledger_entries e)
          WHERE kept <> record_count`,
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
    sql: `SELECT e.name, e.account_id, e.twin_id FROM ledger_entries e
          WHERE EXISTS (SELECT 1 FROM ledger_history h WHERE ${OF_ENTRY} AND h.changed_at >= ${RECENT} ->> '$[0][0]')`,
  },
  {
    broken: "ledger_history: {name} of {account_id} on {twin_id} has a record from after its last change",
    sql: `SELECT e.name, e.account_id, e.twin_id FROM ledger_entries e
          WHERE (${RECENT} -> ${NEWEST} ->> 0) > e.value_changed_at
             OR EXISTS (SELECT 1 FROM ledger_history h WHERE ${OF_ENTRY} AND h.changed_at > e.value_changed_at)`,
  },
  {
    broken: "ledger_history: the last record of {name} of {account_id} on {twin_id} is not its value",
    sql: `SELECT e.name, e.account_id, e.twin_id FROM ledger_entries e
          WHERE ((${RECENT} -> ${NEWEST} ->> 0) = e.value_changed_at AND (${RECENT} -> ${NEWEST} -> 1) <> e.value)
             OR EXISTS (SELECT 1 FROM ledger_history h
                        WHERE ${OF_ENTRY} AND h.changed_at = e.value_changed_at AND h.value <> e.value)`,
  },
  {
    broken: "ledger_entries: who set what of {name} of {account_id} on {twin_id} is not what is set",
    sql: `SELECT name, account_id, twin_id FROM (
            SELECT name, account_id, twin_id, type, visibility, publish,
              CASE WHEN json_valid(authors) THEN authors ELSE '{}' END AS authors FROM ledger_entries)
          WHERE (visibility IS NULL) <> (authors -> '$.visibility.since' IS NULL)
             OR (publish IS NULL) <> (authors -> '$.publish[0]' IS NULL)
             OR (type = 'include') <> (authors -> '$.include' IS NOT NULL)`,
  },
];
