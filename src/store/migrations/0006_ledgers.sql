-- The entries of ledgers: an account has one ledger on each twin, which exists as soon as it has an entry.
CREATE TABLE ledger_entries (
  twin_id          TEXT    NOT NULL REFERENCES twins (id),
  account_id       TEXT    NOT NULL REFERENCES accounts (id),
  name             TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
  type             TEXT    NOT NULL CHECK (type IN ('value', 'reference', 'include')),
  value            TEXT    NOT NULL,  -- JSON; of an include always null, for it is read through
  visibility       TEXT,
  history          TEXT,
  publish          TEXT             CHECK (json_type(publish) = 'object'),
  -- Where a reference is copied from, or an include read through.
  source_twin      TEXT,
  source_account   TEXT,
  source_name      TEXT,
  -- Of a reference: how copying went, over how many references, and with whose rights.
  status           TEXT             CHECK (status IN ('ok', 'not_found', 'loop_detected', 'too_many_hops')),
  hops             INTEGER,
  added_by         TEXT,
  -- History records kept, so that the oldest can go when there are too many.
  record_count     INTEGER NOT NULL DEFAULT 0,
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL,
  value_changed_at INTEGER NOT NULL,
  PRIMARY KEY (twin_id, account_id, name),
  CHECK ((type = 'value') = (source_twin IS NULL)),
  CHECK ((type = 'reference') = (status IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- The references to an entry.
CREATE INDEX ledger_references ON ledger_entries (source_twin, source_account, source_name)
  WHERE type = 'reference';

-- The job that drops old history records walks the entries that keep some for a time.
CREATE INDEX ledger_entries_with_history ON ledger_entries (twin_id, account_id, name)
  WHERE history IS NOT NULL AND history <> 'INF';

-- Every value that an entry has had, the present one included.
CREATE TABLE ledger_history (
  twin_id    TEXT    NOT NULL,
  account_id TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  changed_at INTEGER NOT NULL,
  value      TEXT    NOT NULL,  -- JSON
  PRIMARY KEY (twin_id, account_id, name, changed_at),
  FOREIGN KEY (twin_id, account_id, name) REFERENCES ledger_entries (twin_id, account_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Entries that changed while references to them exist: a job copies them, source by source. `again` is set when the source
-- changes while its references are being walked, `position` tells how far the walk has come.
CREATE TABLE changed_sources (
  sequence      INTEGER NOT NULL PRIMARY KEY,
  twin_id       TEXT    NOT NULL,
  account_id    TEXT    NOT NULL,
  name          TEXT    NOT NULL,
  position      TEXT    NOT NULL DEFAULT '',
  again         INTEGER NOT NULL DEFAULT 0 CHECK (again IN (0, 1)),
  UNIQUE (twin_id, account_id, name)
) STRICT;

-- References that were added or given another source, to be copied for the first time, oldest first.
CREATE TABLE pending_references (
  sequence   INTEGER NOT NULL PRIMARY KEY,
  twin_id    TEXT    NOT NULL,
  account_id TEXT    NOT NULL,
  name       TEXT    NOT NULL
) STRICT;
