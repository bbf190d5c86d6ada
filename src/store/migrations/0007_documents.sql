-- The documents of twins. Their account is that of the twin, which never changes: so a read asks this table alone. `data`
-- stands last, so that a version is read without the pages that large data continues on.
CREATE TABLE documents (
  twin_id    TEXT    NOT NULL REFERENCES twins (id),
  name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  account_id TEXT    NOT NULL,
  version    INTEGER NOT NULL CHECK (version BETWEEN 1 AND 4294967295),
  sequence   INTEGER NOT NULL, -- of the journal row that made this version
  updated_at INTEGER NOT NULL,
  data       TEXT    NOT NULL, -- a JSON object
  PRIMARY KEY (twin_id, name)
) STRICT, WITHOUT ROWID;

-- Where the history of a deleted document goes on: the journal row of its deletion, for as long as the journal has that.
CREATE TABLE deleted_documents (
  twin_id  TEXT    NOT NULL,
  name     TEXT    NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (twin_id, name)
) STRICT, WITHOUT ROWID;

-- A document as it was after the last of its journal rows that were cut: patches that the journal still has start from here.
CREATE TABLE document_bases (
  twin_id  TEXT    NOT NULL,
  name     TEXT    NOT NULL,
  version  INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  data     TEXT    NOT NULL,
  PRIMARY KEY (twin_id, name)
) STRICT, WITHOUT ROWID;
