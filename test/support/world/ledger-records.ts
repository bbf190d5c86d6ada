/** Every record of every entry's history, including those in its own row, as a subquery. */
export const LEDGER_RECORDS = `(
  SELECT twin_id, account_id, name, changed_at, value FROM ledger_history
  UNION ALL
  SELECT e.twin_id, e.account_id, e.name, r.value ->> 0, r.value -> 1 FROM ledger_entries e, json_each(e.recent) r)`;

/** The maximum number of records of small numbers in an entry's own row: `[1763990500000,999],`. */
export const RECENT_MAX = 28;
