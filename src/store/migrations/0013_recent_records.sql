-- The newest history records of an entry stand beside its value, `[[instant, value], …]`, oldest first, and go to ledger_history a dozen at
-- once: a value then costs one page, its own, and not also one wherever its history is.
ALTER TABLE ledger_entries ADD COLUMN recent TEXT NOT NULL DEFAULT '[]';

-- Every value that an entry has had, the present one included.
CREATE VIEW ledger_records AS
SELECT twin_id, account_id, name, changed_at, value FROM ledger_history
UNION ALL
SELECT e.twin_id, e.account_id, e.name, r.value ->> 0, r.value -> 1 FROM ledger_entries e, json_each(CASE WHEN json_valid(e.recent) THEN e.recent ELSE '[]' END) r;
