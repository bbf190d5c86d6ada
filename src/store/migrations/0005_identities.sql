-- Outside names of twins. An account names a twin at most once by each.
CREATE TABLE identities (
  account_id TEXT    NOT NULL REFERENCES accounts (id),
  name       TEXT    NOT NULL CHECK (length(name) BETWEEN 3 AND 137),
  twin_id    TEXT    NOT NULL REFERENCES twins (id),
  visibility TEXT,
  expires_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, name, twin_id)
) STRICT, WITHOUT ROWID;

-- The identities of a twin, of all accounts or of one.
CREATE INDEX identities_by_twin ON identities (twin_id, account_id, name);

-- A name resolved in all accounts.
CREATE INDEX identities_by_name ON identities (name, account_id, twin_id);
