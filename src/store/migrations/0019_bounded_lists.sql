-- How much an account has of what it may have only so much of: counting would take as long as there is much. The triggers keep it.
ALTER TABLE accounts ADD COLUMN user_count      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN role_count      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN reference_count INTEGER NOT NULL DEFAULT 0;

UPDATE accounts SET
  user_count = (SELECT count(*) FROM users WHERE account_id = accounts.id),
  role_count = (SELECT count(*) FROM roles WHERE account_id = accounts.id);
UPDATE accounts SET reference_count = counted.count
FROM (SELECT account_id, count(*) AS count FROM ledger_entries WHERE type = 'reference' GROUP BY account_id) AS counted
WHERE counted.account_id = accounts.id;

CREATE TRIGGER user_counted AFTER INSERT ON users BEGIN
  UPDATE accounts SET user_count = user_count + 1 WHERE id = NEW.account_id;
END;
CREATE TRIGGER user_uncounted AFTER DELETE ON users BEGIN
  UPDATE accounts SET user_count = user_count - 1 WHERE id = OLD.account_id;
END;
CREATE TRIGGER role_counted AFTER INSERT ON roles BEGIN
  UPDATE accounts SET role_count = role_count + 1 WHERE id = NEW.account_id;
END;
CREATE TRIGGER role_uncounted AFTER DELETE ON roles BEGIN
  UPDATE accounts SET role_count = role_count - 1 WHERE id = OLD.account_id;
END;

-- What others may see of a twin, or of a name: whatever else there is, nobody but its own account walks over it. They stand in place of an
-- index of all that has a name.
DROP INDEX identities_by_name;
CREATE INDEX identities_visible_on_twin ON identities (twin_id, account_id, name) WHERE visibility IS NOT NULL;
CREATE INDEX identities_visible_by_name ON identities (name, account_id, twin_id) WHERE visibility IS NOT NULL;

-- What is addressed to somebody on one twin, by who put it, in place of an index of a twin's stickers, whomever they are for.
DROP INDEX stickers_by_color;
CREATE INDEX sticker_recipients_on_twin ON sticker_recipients (recipient_id, twin_id, account_id, color);

-- The references to an entry, account by account.
DROP INDEX ledger_references;
CREATE INDEX ledger_references ON ledger_entries (source_twin, source_account, source_name, account_id, twin_id, name)
  WHERE type = 'reference';

-- Which accounts refer to an entry, and how often: each has its references copied in its own turn, and may have only so many.
CREATE TABLE reference_fans (
  source_twin    TEXT    NOT NULL,
  source_account TEXT    NOT NULL,
  source_name    TEXT    NOT NULL,
  account_id     TEXT    NOT NULL,
  count          INTEGER NOT NULL CHECK (count > 0),
  PRIMARY KEY (source_twin, source_account, source_name, account_id)
) STRICT, WITHOUT ROWID;

INSERT INTO reference_fans
SELECT source_twin, source_account, source_name, account_id, count(*) FROM ledger_entries
WHERE type = 'reference' GROUP BY 1, 2, 3, 4;

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

-- A change is told to each account that refers to the entry, and each has a walk along its own references. `position` says how far it
-- has come, `again` that the entry has changed meanwhile.
CREATE TABLE reference_walks (
  sequence       INTEGER NOT NULL PRIMARY KEY,
  account_id     TEXT    NOT NULL,
  source_twin    TEXT    NOT NULL,
  source_account TEXT    NOT NULL,
  source_name    TEXT    NOT NULL,
  position       TEXT    NOT NULL DEFAULT '',
  again          INTEGER NOT NULL DEFAULT 0 CHECK (again IN (0, 1)),
  UNIQUE (account_id, source_twin, source_account, source_name)
) STRICT;

-- What waits of an account, the longest first.
CREATE INDEX reference_walks_by_account ON reference_walks (account_id, sequence);
CREATE INDEX pending_references_by_account ON pending_references (account_id, sequence);
CREATE INDEX changed_sources_by_account ON changed_sources (account_id, sequence);

-- How far the accounts were told of a change; a walk that had begun in the old way begins anew, as if the entry had just changed.
ALTER TABLE changed_sources DROP COLUMN again;
UPDATE changed_sources SET position = '';

-- The devices of an account by name, with all that they are listed by: who lists ten thousand reads no more than this of those that are not shown.
DROP INDEX devices_by_account;
CREATE INDEX devices_by_account ON devices (account_id, name, id, hub_id, enabled, allow_insecure, created_at, updated_at);
