-- Keys that must be readable again, sealed with the master key of the data directory.
CREATE TABLE sealed_keys (
  name   TEXT NOT NULL PRIMARY KEY,
  sealed TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
  id                  TEXT    NOT NULL PRIMARY KEY,
  name                TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
  resource_access_log TEXT             CHECK (json_type(resource_access_log) = 'object'),
  created_at          INTEGER NOT NULL,
  updated_at          INTEGER NOT NULL
) STRICT;

CREATE TABLE roles (
  id         TEXT    NOT NULL PRIMARY KEY,
  account_id TEXT    NOT NULL REFERENCES accounts (id),
  name       TEXT    NOT NULL,
  effect     TEXT    NOT NULL CHECK (effect IN ('allow', 'deny')),
  actions    TEXT             CHECK (json_type(actions) = 'array'),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

-- The roles of an account, oldest first.
CREATE INDEX roles_by_account ON roles (account_id, created_at, id);

-- A role may be deleted while users have it: they keep its id and are locked out, so role_id is no foreign key.
CREATE TABLE users (
  id          TEXT    NOT NULL PRIMARY KEY,
  account_id  TEXT    NOT NULL REFERENCES accounts (id),
  role_id     TEXT    NOT NULL,
  name        TEXT,
  description TEXT             CHECK (json_type(description) = 'object'),
  activity    TEXT             CHECK (json_type(activity) = 'object'),
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;

-- The users of an account, oldest first.
CREATE INDEX users_by_account ON users (account_id, created_at, id);

-- At most one secret a user. Both of its spellings are kept as SHA-256 digests only.
CREATE TABLE user_secrets (
  user_id       TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  secret_digest TEXT    NOT NULL UNIQUE,
  token_digest  TEXT    NOT NULL UNIQUE,
  fingerprint   TEXT    NOT NULL CHECK (length(fingerprint) = 4),
  expires_at    INTEGER,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL
) STRICT;

-- A PIN is exchanged once for a secret. Looked up by account and digest; a user has at most one.
CREATE TABLE pins (
  account_id        TEXT    NOT NULL REFERENCES accounts (id),
  pin_digest        TEXT    NOT NULL,
  user_id           TEXT    NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
  secret_expires_at INTEGER,
  expires_at        INTEGER NOT NULL,
  PRIMARY KEY (account_id, pin_digest)
) STRICT, WITHOUT ROWID;

-- The job that drops dead PINs takes the oldest first.
CREATE INDEX pins_by_expiry ON pins (expires_at);

-- User tokens are JWTs; what they stand for is kept here by their `jti`. They end with the secret they were made under.
CREATE TABLE user_tokens (
  id          TEXT    NOT NULL PRIMARY KEY,
  user_id     TEXT    NOT NULL REFERENCES user_secrets (user_id) ON DELETE CASCADE,
  options     TEXT    NOT NULL CHECK (json_type(options) = 'array'),
  secret_dict TEXT             CHECK (json_type(secret_dict) = 'object'),
  expires_at  INTEGER,
  created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The cascade from a secret to its tokens.
CREATE INDEX user_tokens_by_user ON user_tokens (user_id);

-- The job that drops dead tokens takes the oldest first.
CREATE INDEX user_tokens_by_expiry ON user_tokens (expires_at) WHERE expires_at IS NOT NULL;

-- Counts the changes by which somebody may lose or gain rights. Who has authenticated a caller, and finds the same epoch
-- again, need not look further; whichever process made the change, the database itself moves the epoch.
CREATE TABLE access_epoch (epoch INTEGER NOT NULL) STRICT;
INSERT INTO access_epoch (epoch) VALUES (0);

CREATE TRIGGER role_changed AFTER UPDATE ON roles BEGIN UPDATE access_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER role_deleted AFTER DELETE ON roles BEGIN UPDATE access_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER user_changed AFTER UPDATE ON users BEGIN UPDATE access_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER user_deleted AFTER DELETE ON users BEGIN UPDATE access_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER user_secret_changed AFTER UPDATE ON user_secrets BEGIN UPDATE access_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER user_secret_deleted AFTER DELETE ON user_secrets BEGIN UPDATE access_epoch SET epoch = epoch + 1; END;
