/** Every record of every entry's history, those in its own row too, as a question. */
export const LEDGER_RECORDS = `(
  SELECT twin_id, account_id, name, changed_at, value FROM ledger_history
  UNION ALL
  SELECT e.twin_id, e.account_id, e.name, r.value ->> 0, r.value -> 1 FROM ledger_entries e, json_each(e.recent) r)`;

/** Records of small numbers that an entry has in its own row at most: `[1763990500000,999],`. */
export const RECENT_MAX = 28;
