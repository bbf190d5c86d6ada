-- The account whose topic a subscription is for: its own, or another that has granted it the topic. A grant alone delivers nothing. No foreign
-- key: whether an account exists is nobody else's to know.
ALTER TABLE webhook_subscriptions ADD COLUMN publisher_id TEXT NOT NULL DEFAULT '';
UPDATE webhook_subscriptions SET publisher_id = account_id;

-- Whom a publication reaches; how many subscriptions an account has, and to a topic.
DROP INDEX webhook_subscriptions_by_topic;
CREATE INDEX webhook_subscriptions_by_publisher ON webhook_subscriptions (publisher_id, topic) WHERE ended_at IS NULL;
CREATE INDEX webhook_subscriptions_live ON webhook_subscriptions (account_id, publisher_id, topic) WHERE ended_at IS NULL;

-- How many subscriptions an account has made lately, ended ones too.
CREATE INDEX webhook_subscriptions_by_making ON webhook_subscriptions (account_id, created_at);

-- Other accounts whose messages a subscription goes on receiving, because it did so when a grant alone delivered. Nothing is added any more.
CREATE TABLE inherited_publishers (
  publisher_id    TEXT NOT NULL,
  topic           TEXT NOT NULL,
  subscription_id TEXT NOT NULL REFERENCES webhook_subscriptions (id) ON DELETE CASCADE,
  PRIMARY KEY (publisher_id, topic, subscription_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inherited_publishers_by_subscription ON inherited_publishers (subscription_id);

-- Who published a message. Empty if we did (confirmations), and if it is older than this column and not known any more.
ALTER TABLE deliveries ADD COLUMN publisher_id TEXT NOT NULL DEFAULT '';

-- Who published what is still to be sent, and what a grant may have delivered: stickers say so themselves, of entries the journal does.
CREATE TABLE instants (at INTEGER PRIMARY KEY, first INTEGER, after INTEGER) STRICT;
INSERT INTO instants (at)
SELECT DISTINCT sent_at FROM deliveries WHERE type = 'Notification' AND trigger LIKE 'ledger.%' AND (
  state IN ('waiting', 'sending', 'failed') OR (account_id, topic) IN (SELECT grantee_id, topic FROM topic_grants)
);
-- The journal is in the order of its instants, without an index on them: the rows of one are found by halving.
UPDATE instants SET
  first = (
    WITH RECURSIVE search (low, high) AS (
      SELECT (SELECT min(sequence) FROM events), (SELECT max(sequence) + 1 FROM events)
      UNION ALL
      SELECT iif(e.occurred_at < instants.at, e.sequence + 1, low), iif(e.occurred_at < instants.at, high, e.sequence)
      FROM search JOIN events e ON e.sequence = (low + high) / 2 WHERE low < high
    ) SELECT low FROM search WHERE low = high
  ),
  after = (
    WITH RECURSIVE search (low, high) AS (
      SELECT (SELECT min(sequence) FROM events), (SELECT max(sequence) + 1 FROM events)
      UNION ALL
      SELECT iif(e.occurred_at <= instants.at, e.sequence + 1, low), iif(e.occurred_at <= instants.at, high, e.sequence)
      FROM search JOIN events e ON e.sequence = (low + high) / 2 WHERE low < high
    ) SELECT low FROM search WHERE low = high
  );
UPDATE deliveries SET publisher_id = coalesce(
  CASE WHEN trigger LIKE 'sticker.%' THEN event ->> '$.account' ELSE (
    SELECT e.account_id FROM instants i JOIN events e ON e.sequence >= i.first AND e.sequence < i.after
    WHERE i.at = deliveries.sent_at AND e.twin_id = deliveries.twin_id AND e.kind = deliveries.trigger AND NOT EXISTS (
      SELECT 1 FROM json_each(deliveries.event) AS told
      LEFT JOIN json_each(e.data, '$.entries') AS changed ON changed.key = told.key
      WHERE changed.key IS NULL OR changed.value -> '$.new_value' IS NOT told.value -> '$.new_value'
    )
    LIMIT 1
  ) END, '')
WHERE type = 'Notification' AND (
  state IN ('waiting', 'sending', 'failed') OR (account_id, topic) IN (SELECT grantee_id, topic FROM topic_grants)
);
DROP TABLE instants;

INSERT INTO inherited_publishers
SELECT DISTINCT g.account_id, s.topic, s.id
FROM deliveries d
JOIN webhook_subscriptions s ON s.id = d.subscription_id
JOIN topic_grants g ON g.account_id = d.publisher_id AND g.topic = s.topic AND g.grantee_id = s.account_id
WHERE g.account_id <> s.account_id AND s.ended_at IS NULL;

INSERT INTO upgrade_notices (event, fields)
SELECT iif(i.publisher_id IS NULL, 'grant_unused', 'grant_kept'),
  json_object('account', s.account_id, 'topic', s.topic, 'publisher', g.account_id, 'subscriptions', count(*))
FROM webhook_subscriptions s
JOIN topic_grants g ON g.topic = s.topic AND g.grantee_id = s.account_id
LEFT JOIN inherited_publishers i ON i.publisher_id = g.account_id AND i.topic = s.topic AND i.subscription_id = s.id
WHERE g.account_id <> s.account_id AND s.ended_at IS NULL
GROUP BY s.account_id, s.topic, g.account_id, i.publisher_id IS NULL;

-- What a subscription waits for, by publisher and in the order in which it is tried; what is being sent.
DROP INDEX deliveries_waiting;
CREATE INDEX deliveries_waiting ON deliveries (subscription_id, publisher_id, next_attempt_at, position) WHERE state = 'waiting';
DROP INDEX deliveries_sending;
CREATE INDEX deliveries_sending ON deliveries (subscription_id, publisher_id, twin_id) WHERE state = 'sending';
