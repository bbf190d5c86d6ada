-- Coloured notes on twins for a list of recipients. An account has at most one of each color on a twin; the key itself refuses a second.
CREATE TABLE stickers (
  twin_id    TEXT    NOT NULL REFERENCES twins (id),
  account_id TEXT    NOT NULL REFERENCES accounts (id),
  color      TEXT    NOT NULL CHECK (length(color) BETWEEN 1 AND 128),
  note       TEXT             CHECK (json_type(note) = 'text'),
  recipients TEXT    NOT NULL CHECK (json_type(recipients) = 'array'),
  publish    TEXT    NOT NULL CHECK (json_type(publish) = 'object'),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL CHECK (expires_at > created_at),
  PRIMARY KEY (twin_id, account_id, color)
) STRICT, WITHOUT ROWID;

-- One color on a twin, of all accounts.
CREATE INDEX stickers_by_color ON stickers (twin_id, color);

-- The expiry job takes the oldest first, and asks when the next is due.
CREATE INDEX stickers_by_expiry ON stickers (expires_at);

-- What is addressed to a user, a role or an account, in the order in which it is listed. Recipients need not exist. The
-- triggers keep it: a sticker never changes, so it is written and deleted with its sticker.
CREATE TABLE sticker_recipients (
  recipient_id TEXT    NOT NULL,
  created_at   INTEGER NOT NULL,
  account_id   TEXT    NOT NULL,
  twin_id      TEXT    NOT NULL,
  color        TEXT    NOT NULL,
  expires_at   INTEGER NOT NULL,
  PRIMARY KEY (recipient_id, created_at, account_id, twin_id, color)
) STRICT, WITHOUT ROWID;

-- The same, of one account's stickers, of one color, and of both: whoever floods somebody with stickers makes no other list slow.
CREATE INDEX sticker_recipients_by_creator
  ON sticker_recipients (recipient_id, account_id, created_at, twin_id, color, expires_at);
CREATE INDEX sticker_recipients_by_color
  ON sticker_recipients (recipient_id, color, created_at, account_id, twin_id, expires_at);
CREATE INDEX sticker_recipients_by_creator_and_color
  ON sticker_recipients (recipient_id, account_id, color, created_at, twin_id, expires_at);

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
