-- The newest history records of an entry stand beside its value, `[[instant, value], …]`, oldest first, and go to ledger_history together
-- once they are some twenty readings: a value then costs one page, its own, and not also one wherever its history is.
ALTER TABLE ledger_entries ADD COLUMN recent TEXT NOT NULL DEFAULT '[]';
