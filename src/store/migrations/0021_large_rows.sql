-- Rows that may be large leave the tables that are their own index (WITHOUT ROWID). There each comparison on the way to a small row reads the large one
-- beside it whole, 250 pages of a megabyte: one account's large documents made everybody's small ones ten times as slow. What is kept of a ledger's
-- history stays: its rows are many, written twenty at a time, and would take twice the space.
CREATE TABLE new_documents (
  twin_id    TEXT    NOT NULL REFERENCES twins (id),
  name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  account_id TEXT    NOT NULL,
  version    INTEGER NOT NULL CHECK (version BETWEEN 1 AND 4294967295),
  sequence   INTEGER NOT NULL, -- of the journal row that made this version
  updated_at INTEGER NOT NULL,
  data       TEXT    NOT NULL, -- a JSON object; last, so that a version is read without the pages that large data continues on
  PRIMARY KEY (twin_id, name)
) STRICT;
INSERT INTO new_documents SELECT twin_id, name, account_id, version, sequence, updated_at, data FROM documents;
DROP TABLE documents;
ALTER TABLE new_documents RENAME TO documents;

CREATE TABLE new_document_bases (
  twin_id  TEXT    NOT NULL,
  name     TEXT    NOT NULL,
  version  INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  data     TEXT    NOT NULL,
  PRIMARY KEY (twin_id, name)
) STRICT;
INSERT INTO new_document_bases SELECT twin_id, name, version, sequence, data FROM document_bases;
DROP TABLE document_bases;
ALTER TABLE new_document_bases RENAME TO document_bases;

CREATE TABLE new_ledger_entries (
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
  recent           TEXT    NOT NULL DEFAULT '[]',
  authors          TEXT             CHECK (json_type(authors) = 'object'),
  PRIMARY KEY (twin_id, account_id, name),
  CHECK ((type = 'value') = (source_twin IS NULL)),
  CHECK ((type = 'reference') = (status IS NOT NULL))
) STRICT;
INSERT INTO new_ledger_entries
SELECT twin_id, account_id, name, type, value, visibility, history, publish, source_twin, source_account, source_name, status, hops, added_by,
  record_count, created_at, updated_at, value_changed_at, recent, authors
FROM ledger_entries;
DROP TABLE ledger_entries;
ALTER TABLE new_ledger_entries RENAME TO ledger_entries;

CREATE INDEX ledger_entries_with_history ON ledger_entries (twin_id, account_id, name)
  WHERE history IS NOT NULL AND history <> 'INF';
CREATE INDEX ledger_references ON ledger_entries (source_twin, source_account, source_name, account_id, twin_id, name)
  WHERE type = 'reference';

CREATE TRIGGER reference_added AFTER INSERT ON ledger_entries WHEN NEW.type = 'reference' BEGIN
  INSERT INTO reference_fans VALUES (NEW.source_twin, NEW.source_account, NEW.source_name, NEW.account_id, 1)
  ON CONFLICT DO UPDATE SET count = count + 1;
  UPDATE accounts SET reference_count = reference_count + 1 WHERE id = NEW.account_id;
END;

CREATE TRIGGER reference_removed AFTER DELETE ON ledger_entries WHEN OLD.type = 'reference' BEGIN
  DELETE FROM reference_fans
  WHERE source_twin = OLD.source_twin AND source_account = OLD.source_account AND source_name = OLD.source_name
    AND account_id = OLD.account_id AND count = 1;
  UPDATE reference_fans SET count = count - 1
  WHERE source_twin = OLD.source_twin AND source_account = OLD.source_account AND source_name = OLD.source_name
    AND account_id = OLD.account_id AND count > 1;
  UPDATE accounts SET reference_count = reference_count - 1 WHERE id = OLD.account_id;
END;

CREATE TRIGGER reference_redirected AFTER UPDATE OF source_twin, source_account, source_name ON ledger_entries
WHEN NEW.type = 'reference' AND (NEW.source_twin, NEW.source_account, NEW.source_name)
  <> (OLD.source_twin, OLD.source_account, OLD.source_name) BEGIN
  DELETE FROM reference_fans
  WHERE source_twin = OLD.source_twin AND source_account = OLD.source_account AND source_name = OLD.source_name
    AND account_id = OLD.account_id AND count = 1;
  UPDATE reference_fans SET count = count - 1
  WHERE source_twin = OLD.source_twin AND source_account = OLD.source_account AND source_name = OLD.source_name
    AND account_id = OLD.account_id AND count > 1;
  INSERT INTO reference_fans VALUES (NEW.source_twin, NEW.source_account, NEW.source_name, NEW.account_id, 1)
  ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TABLE new_stickers (
  twin_id    TEXT    NOT NULL REFERENCES twins (id),
  account_id TEXT    NOT NULL REFERENCES accounts (id),
  color      TEXT    NOT NULL CHECK (length(color) BETWEEN 1 AND 128),
  note       TEXT             CHECK (json_type(note) = 'text'),
  recipients TEXT    NOT NULL CHECK (json_type(recipients) = 'array'),
  publish    TEXT    NOT NULL CHECK (json_type(publish) = 'object'),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL CHECK (expires_at > created_at),
  PRIMARY KEY (twin_id, account_id, color)
) STRICT;
INSERT INTO new_stickers SELECT twin_id, account_id, color, note, recipients, publish, created_at, expires_at FROM stickers;
DROP TABLE stickers;
ALTER TABLE new_stickers RENAME TO stickers;

-- The expiry job takes the oldest first, those of an account on a twin together, and asks when the next is due.
CREATE INDEX stickers_by_expiry ON stickers (expires_at, twin_id, account_id, color);

CREATE TRIGGER sticker_put AFTER INSERT ON stickers BEGIN
  INSERT INTO sticker_recipients (recipient_id, created_at, account_id, twin_id, color, expires_at)
  SELECT value, NEW.created_at, NEW.account_id, NEW.twin_id, NEW.color, NEW.expires_at FROM json_each(NEW.recipients);
END;

CREATE TRIGGER sticker_gone AFTER DELETE ON stickers BEGIN
  DELETE FROM sticker_recipients
  WHERE recipient_id IN (SELECT value FROM json_each(OLD.recipients))
    AND created_at = OLD.created_at AND account_id = OLD.account_id AND twin_id = OLD.twin_id AND color = OLD.color;
END;

CREATE TRIGGER sticker_kept BEFORE UPDATE ON stickers BEGIN SELECT raise(ABORT, 'a sticker never changes'); END;

CREATE TABLE new_identities (
  account_id TEXT    NOT NULL REFERENCES accounts (id),
  name       TEXT    NOT NULL CHECK (length(name) BETWEEN 3 AND 137),
  twin_id    TEXT    NOT NULL REFERENCES twins (id),
  visibility TEXT,
  expires_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  author     TEXT             CHECK (json_type(author) = 'object'),
  PRIMARY KEY (account_id, name, twin_id)
) STRICT;
INSERT INTO new_identities
SELECT account_id, name, twin_id, visibility, expires_at, created_at, updated_at, author FROM identities;
DROP TABLE identities;
ALTER TABLE new_identities RENAME TO identities;

CREATE INDEX identities_by_twin ON identities (twin_id, account_id, name);
CREATE INDEX identities_visible_on_twin ON identities (twin_id, account_id, name) WHERE visibility IS NOT NULL;
CREATE INDEX identities_visible_by_name ON identities (name, account_id, twin_id) WHERE visibility IS NOT NULL;

CREATE TABLE new_user_tokens (
  id          TEXT    NOT NULL PRIMARY KEY,
  user_id     TEXT    NOT NULL REFERENCES user_secrets (user_id) ON DELETE CASCADE,
  options     TEXT    NOT NULL CHECK (json_type(options) = 'array'),
  secret_dict TEXT             CHECK (json_type(secret_dict) = 'object'),
  expires_at  INTEGER,
  created_at  INTEGER NOT NULL,
  ceiling     TEXT             CHECK (json_type(ceiling) = 'object')
) STRICT;
INSERT INTO new_user_tokens SELECT id, user_id, options, secret_dict, expires_at, created_at, ceiling FROM user_tokens;
DROP TABLE user_tokens;
ALTER TABLE new_user_tokens RENAME TO user_tokens;

-- The cascade from a secret to its tokens, and the tokens of a user by id.
CREATE INDEX user_tokens_by_user ON user_tokens (user_id, id);

-- The job that drops dead tokens takes the oldest first.
CREATE INDEX user_tokens_by_expiry ON user_tokens (expires_at) WHERE expires_at IS NOT NULL;
