-- Kept in the order of creation (`position`), which is the order of a scan.
CREATE TABLE twins (
  position      INTEGER NOT NULL PRIMARY KEY,
  id            TEXT    NOT NULL UNIQUE,
  owner_id      TEXT    NOT NULL REFERENCES accounts (id),
  creator_id    TEXT    NOT NULL REFERENCES accounts (id),
  description   TEXT             CHECK (json_type(description) = 'object'),
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  terminated_by TEXT             REFERENCES accounts (id),
  terminated_at INTEGER,
  CHECK ((terminated_by IS NULL) = (terminated_at IS NULL))
) STRICT;

-- A scan of an account's twins, from a position on; with the id, so that a scan of ids reads nothing else.
CREATE INDEX twins_by_owner ON twins (owner_id, position, id);
