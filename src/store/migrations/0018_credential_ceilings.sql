-- What the maker of a secret or token held when they made it, as JSON: its statement, its rules, and what those read of its description.
-- Null is everything. A secret ends where its user is given more than that, a token keeps to it. A secret can be prolonged by its own user
-- up to `granted_until`, the latest end that another gave it, and by nobody beyond `maker_until`, the end of what its maker made it with
-- (null is never, both).
ALTER TABLE user_secrets ADD COLUMN ceiling TEXT CHECK (json_type(ceiling) = 'object');
ALTER TABLE user_secrets ADD COLUMN granted_until INTEGER
  CHECK (granted_until IS NULL OR (expires_at IS NOT NULL AND expires_at <= granted_until));
ALTER TABLE user_secrets ADD COLUMN maker_until INTEGER
  CHECK (maker_until IS NULL OR (granted_until IS NOT NULL AND granted_until <= maker_until));
ALTER TABLE user_tokens ADD COLUMN ceiling TEXT CHECK (json_type(ceiling) = 'object');

-- The users that a changed role counts for.
CREATE INDEX users_by_role ON users (role_id);

-- What each user holds now; null is everything. Nothing is read of descriptions here: a rule that binds a user has to stay as it is.
CREATE TABLE holdings AS
SELECT u.id AS user_id, u.account_id,
  CASE WHEN r.id IS NULL OR r.effect = 'allow' OR json_array_length(coalesce(r.actions, '[]')) > 0
      OR coalesce(r.twin_rule, r.identity_rule, r.entry_rule) IS NOT NULL
    THEN json_object(
      'statement', json_object('effect', coalesce(r.effect, 'allow'), 'actions', json(r.actions)),
      'rules', json_object('twin', r.twin_rule, 'identity', r.identity_rule, 'entry', r.entry_rule),
      'user', CASE WHEN instr(coalesce(r.twin_rule, '') || coalesce(r.identity_rule, '') || coalesce(r.entry_rule, ''), 'USER') > 0
        THEN json_object('keys', NULL, 'values', json(coalesce(u.description, '{}'))) END)
  END AS ceiling,
  r.id IS NOT NULL AND (r.effect = 'allow') = EXISTS (SELECT 1 FROM json_each(r.actions) WHERE value = 'create_user_secret_pin') AS makes_pins
FROM users u LEFT JOIN roles r ON r.id = u.role_id AND r.account_id = u.account_id;

-- Who made a secret was not kept. Where nobody but users who hold everything can make PINs, they did; elsewhere it may have been one who
-- holds less, and secrets of the account keep to what their users hold now.
CREATE TABLE doubtful_accounts AS
SELECT DISTINCT account_id FROM holdings WHERE makes_pins AND ceiling IS NOT NULL;

UPDATE user_secrets SET
  ceiling = (SELECT h.ceiling FROM holdings h WHERE h.user_id = user_secrets.user_id AND h.account_id IN doubtful_accounts),
  granted_until = CASE WHEN (SELECT h.ceiling FROM holdings h WHERE h.user_id = user_secrets.user_id) IS NOT NULL THEN expires_at END;
UPDATE user_tokens SET ceiling = (SELECT h.ceiling FROM holdings h WHERE h.user_id = user_tokens.user_id);

INSERT INTO upgrade_notices (event, fields)
SELECT 'secrets_bounded', json_object('account', u.account_id, 'secrets', count(*), 'why',
  'users who do not hold everything can make PINs here: these secrets end where their user is given more')
FROM user_secrets s JOIN users u ON u.id = s.user_id WHERE s.ceiling IS NOT NULL GROUP BY u.account_id;

DROP TABLE doubtful_accounts;
DROP TABLE holdings;

-- A PIN ends with what it was made under: its maker's secret, and the token if it was made with one. Whoever made those that live was not
-- kept; they would have ended within ten minutes.
INSERT INTO upgrade_notices (event, fields)
SELECT 'pins_ended', json_object('account', account_id, 'pins', count(*)) FROM pins GROUP BY account_id;

DROP TABLE pins;
CREATE TABLE pins (
  account_id        TEXT    NOT NULL REFERENCES accounts (id),
  pin_digest        TEXT    NOT NULL,
  user_id           TEXT    NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
  maker_id          TEXT    NOT NULL REFERENCES user_secrets (user_id) ON DELETE CASCADE,
  token_id          TEXT             REFERENCES user_tokens (id) ON DELETE CASCADE,
  secret_expires_at INTEGER,
  expires_at        INTEGER NOT NULL,
  PRIMARY KEY (account_id, pin_digest)
) STRICT, WITHOUT ROWID;

-- The job that drops dead PINs takes the oldest first.
CREATE INDEX pins_by_expiry ON pins (expires_at);

-- The cascades from a secret and from a token to the PINs made with them.
CREATE INDEX pins_by_maker ON pins (maker_id);
CREATE INDEX pins_by_token ON pins (token_id) WHERE token_id IS NOT NULL;
