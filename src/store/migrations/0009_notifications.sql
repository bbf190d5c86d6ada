-- Topics of an account that others may subscribe to, in the order in which they were listed.
CREATE TABLE topic_grants (
  account_id TEXT    NOT NULL REFERENCES accounts (id),
  topic      TEXT    NOT NULL,
  grantee_id TEXT    NOT NULL, -- no foreign key: whether an account exists is nobody else's to know
  position   INTEGER NOT NULL,
  PRIMARY KEY (account_id, topic, grantee_id)
) STRICT, WITHOUT ROWID;

-- Who wants to be told of what, and how their endpoint is doing. An ended one stays until its deliveries are old enough to go.
CREATE TABLE webhook_subscriptions (
  position       INTEGER NOT NULL PRIMARY KEY,
  id             TEXT    NOT NULL UNIQUE,
  account_id     TEXT    NOT NULL REFERENCES accounts (id),
  topic          TEXT    NOT NULL,
  callback_url   TEXT    NOT NULL CHECK (length(callback_url) BETWEEN 1 AND 512),
  -- Base of the links in messages, as it was when the subscription was made or refreshed: bodies never change between attempts.
  link_base      TEXT    NOT NULL,
  signing_secret TEXT    NOT NULL,              -- sealed
  hash_key       TEXT,                          -- sealed; null without hash
  message_count  INTEGER NOT NULL DEFAULT 0,    -- the number of its latest notification
  created_at     INTEGER NOT NULL,
  confirmed_at   INTEGER,
  expires_at     INTEGER NOT NULL,
  -- When its receiver is to be told that it lapses; null if they were, or it is too short for that.
  notice_at      INTEGER,
  ended_at       INTEGER,
  end_reason     TEXT             CHECK (end_reason IN ('unsubscribed', 'deleted', 'gone', 'expired')),
  -- No later than the first of its waiting deliveries can be tried; null if none waits or none may be tried.
  due_at         INTEGER,
  -- Its endpoint: failing without a success since, told us to wait until (so many times in a row), paused at.
  failing_since  INTEGER,
  held_until     INTEGER,
  hold_count     INTEGER NOT NULL DEFAULT 0,
  paused_at      INTEGER,
  CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
  CHECK (due_at IS NULL OR (ended_at IS NULL AND paused_at IS NULL))
) STRICT;

-- Whom a publication reaches; the subscriptions of an account.
CREATE INDEX webhook_subscriptions_by_topic ON webhook_subscriptions (account_id, topic) WHERE ended_at IS NULL;
CREATE INDEX webhook_subscriptions_by_account ON webhook_subscriptions (account_id, position);
-- Which has something to be delivered, longest due first.
CREATE INDEX webhook_subscriptions_due ON webhook_subscriptions (due_at) WHERE due_at IS NOT NULL;
-- Which lapses next, whose receiver is to be told next, which ended first.
CREATE INDEX webhook_subscriptions_by_expiry ON webhook_subscriptions (expires_at) WHERE ended_at IS NULL;
CREATE INDEX webhook_subscriptions_by_notice ON webhook_subscriptions (notice_at) WHERE notice_at IS NOT NULL;
CREATE INDEX webhook_subscriptions_ended ON webhook_subscriptions (ended_at) WHERE ended_at IS NOT NULL;

-- A message for a subscription. Everything that its body is made of is fixed here, with the change that it tells of.
CREATE TABLE deliveries (
  position        INTEGER NOT NULL PRIMARY KEY,
  id              TEXT    NOT NULL UNIQUE,     -- the id of the message
  subscription_id TEXT    NOT NULL,
  account_id      TEXT    NOT NULL REFERENCES accounts (id),
  topic           TEXT    NOT NULL,
  type            TEXT    NOT NULL CHECK (type IN ('Confirmation', 'Notification', 'Expiring')),
  number          INTEGER,
  twin_id         TEXT,
  trigger         TEXT,
  event           TEXT,                         -- JSON
  sent_at         INTEGER NOT NULL,
  validity_at     INTEGER NOT NULL,             -- when the subscription was to end, at that moment
  link_base       TEXT    NOT NULL,
  hash_key        TEXT,                         -- sealed
  state           TEXT    NOT NULL CHECK (state IN ('waiting', 'sending', 'delivered', 'failed', 'dropped')),
  attempt_count   INTEGER NOT NULL DEFAULT 0,
  -- Attempts since it was enqueued or last retried by hand, and when that was: what the schedule counts from.
  step            INTEGER NOT NULL DEFAULT 0,
  step_base_at    INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  settled_at      INTEGER,
  -- Who sends it at the moment, since when, and when somebody else may.
  lease           TEXT,
  leased_at       INTEGER,
  leased_until    INTEGER,
  CHECK ((type = 'Notification') = (number IS NOT NULL)),
  CHECK ((type = 'Notification') = (event IS NOT NULL)),
  CHECK ((state = 'sending') = (lease IS NOT NULL)),
  CHECK ((state IN ('delivered', 'failed', 'dropped')) = (settled_at IS NOT NULL))
) STRICT;

-- An account's deliveries, newest first.
CREATE INDEX deliveries_by_account ON deliveries (account_id, position);
-- What a subscription waits for, in the order in which it is tried; what it failed at; what is being sent.
CREATE INDEX deliveries_waiting ON deliveries (subscription_id, next_attempt_at, position) WHERE state = 'waiting';
CREATE INDEX deliveries_failed ON deliveries (subscription_id, position) WHERE state = 'failed';
CREATE INDEX deliveries_sending ON deliveries (subscription_id, twin_id) WHERE state = 'sending';
CREATE INDEX deliveries_leased ON deliveries (leased_until) WHERE state = 'sending';

-- One HTTP try at a delivery: with a status if there was an answer, with an error unless it was taken.
CREATE TABLE delivery_attempts (
  delivery_position INTEGER NOT NULL REFERENCES deliveries (position) ON DELETE CASCADE,
  number            INTEGER NOT NULL,
  started_at        INTEGER NOT NULL,
  duration_ms       INTEGER,                    -- null if the server ended in its midst
  status            INTEGER,
  error             TEXT,
  answer            TEXT    NOT NULL,           -- its beginning
  PRIMARY KEY (delivery_position, number)
) STRICT, WITHOUT ROWID;
