-- Rules that an entry or an identity has are asked with the rights of who set them, so who that was is kept beside them:
-- {"visibility": {"by", "bound", "since"}, "include": {"by", "bound"}, "publish": [{"by", "bound", "topics"}, …]}. `by` is a user, and not there
-- if nobody knows; `bound` is true if a rule of their role bound them then; others see of a history what was there from `since` on.
ALTER TABLE ledger_entries ADD COLUMN authors TEXT CHECK (json_type(authors) = 'object');

-- {"by", "bound"} of the visibility.
ALTER TABLE identities ADD COLUMN author TEXT CHECK (json_type(author) = 'object');

-- Who set what there is already: the newest journal row that says so, for as long as the journal reaches back. Rows of new values say nothing
-- of properties, and are passed over without being parsed.
CREATE TABLE found_authors AS
SELECT v.twin_id, v.account_id, entry.key AS name, property.key AS what, max(v.sequence) AS sequence,
  iif(v.actor_kind = 'user', v.actor_id, NULL) AS user_id
FROM events v CROSS JOIN json_each(v.data, '$.entries') entry CROSS JOIN json_each(entry.value) property
WHERE v.kind IN ('ledger.entry.added', 'ledger.entry.updated')
  AND (instr(v.data, '"visibility":') OR instr(v.data, '"publish":') OR instr(v.data, '"source":'))
  AND property.key IN ('visibility', 'publish', 'source')
GROUP BY v.twin_id, v.account_id, entry.key, property.key;

-- Rows of identities name the visibility whatever was changed: who set it is in the first row that has it, if the one before is known.
INSERT INTO found_authors (twin_id, account_id, name, what, sequence, user_id)
SELECT twin_id, account_id, name, 'identity', max(sequence), user_id FROM (
  SELECT v.twin_id, v.account_id, identity.key AS name, v.sequence, v.kind,
    iif(v.actor_kind = 'user', v.actor_id, NULL) AS user_id,
    identity.value ->> '$.visibility' AS visibility,
    lag(v.sequence) OVER identity_rows AS earlier,
    lag(identity.value ->> '$.visibility') OVER identity_rows AS earlier_visibility
  FROM events v CROSS JOIN json_each(v.data, '$.identities') identity
  WHERE v.kind IN ('identity.created', 'identity.updated')
  WINDOW identity_rows AS (PARTITION BY v.twin_id, v.account_id, identity.key ORDER BY v.sequence))
WHERE kind = 'identity.created' OR (earlier IS NOT NULL AND visibility IS NOT earlier_visibility)
GROUP BY twin_id, account_id, name;

-- Whether a rule bound them then nobody wrote down: so, whether one does now.
CREATE TABLE found_parts (
  twin_id    TEXT NOT NULL,
  account_id TEXT NOT NULL,
  name       TEXT NOT NULL,
  what       TEXT NOT NULL,
  author     TEXT NOT NULL,
  PRIMARY KEY (twin_id, account_id, name, what)
) STRICT, WITHOUT ROWID;

INSERT INTO found_parts (twin_id, account_id, name, what, author)
SELECT f.twin_id, f.account_id, f.name, f.what, json_patch('{}', json_object('by', f.user_id,
  'bound', iif(coalesce(r.twin_rule, r.identity_rule, r.entry_rule) IS NULL, NULL, json('true'))))
FROM found_authors f
LEFT JOIN users u ON u.id = f.user_id AND u.account_id = f.account_id
LEFT JOIN roles r ON r.id = u.role_id AND r.account_id = u.account_id
WHERE f.twin_id IS NOT NULL;

-- A visibility was set no later than the last property was.
UPDATE ledger_entries AS e SET authors = json_patch('{}', json_object(
  'visibility', iif(visibility IS NULL, NULL, json_set(coalesce(
    (SELECT f.author FROM found_parts f
     WHERE f.twin_id = e.twin_id AND f.account_id = e.account_id AND f.name = e.name AND f.what = 'visibility'),
    '{}'), '$.since', updated_at)),
  'include', iif(type <> 'include', NULL, json(coalesce(
    (SELECT f.author FROM found_parts f
     WHERE f.twin_id = e.twin_id AND f.account_id = e.account_id AND f.name = e.name AND f.what = 'source'),
    '{}'))),
  'publish', iif(publish IS NULL, NULL, json_array(json(coalesce(
    (SELECT f.author FROM found_parts f
     WHERE f.twin_id = e.twin_id AND f.account_id = e.account_id AND f.name = e.name AND f.what = 'publish'),
    '{}'))))))
WHERE visibility IS NOT NULL OR publish IS NOT NULL OR type = 'include';

UPDATE identities AS i SET author = coalesce(
  (SELECT f.author FROM found_parts f
   WHERE f.twin_id = i.twin_id AND f.account_id = i.account_id AND f.name = i.name AND f.what = 'identity'),
  '{}')
WHERE visibility IS NOT NULL;

-- What of this the operator is told, for each account once: rules of which no user with a role is known who set them. They go on, but hold no
-- more if they name other entries of the ledger, or the user.
CREATE TABLE rules_left (account_id TEXT NOT NULL, what TEXT NOT NULL, asking INTEGER NOT NULL) STRICT;

INSERT INTO rules_left (account_id, what, asking)
SELECT account_id, what, instr(rule, 'LEDGER') > 0 OR (what = 'publish' AND instr(rule, 'USER') > 0) FROM (
  SELECT account_id, 'visibility' AS what, visibility AS rule, authors ->> '$.visibility.by' AS user_id
  FROM ledger_entries WHERE visibility IS NOT NULL
  UNION ALL
  SELECT account_id, 'publish', publish, authors ->> '$.publish[0].by' FROM ledger_entries WHERE publish IS NOT NULL
  UNION ALL
  SELECT account_id, 'identity', visibility, author ->> '$.by' FROM identities WHERE visibility IS NOT NULL)
WHERE NOT EXISTS (SELECT 1 FROM users u JOIN roles r ON r.id = u.role_id AND r.account_id = u.account_id WHERE u.id = user_id);

INSERT INTO upgrade_notices (event, fields)
SELECT 'rules_without_author', json_object('account', account_id, 'visibilities', sum(what = 'visibility'),
  'publishes', sum(what = 'publish'), 'identities', sum(what = 'identity'), 'holding_no_more', sum(asking))
FROM rules_left GROUP BY account_id;

-- And histories of which others no longer see all.
INSERT INTO upgrade_notices (event, fields)
SELECT 'histories_of_visible_entries', json_object('account', account_id, 'entries', count(*))
FROM ledger_entries
WHERE visibility IS NOT NULL AND history IS NOT NULL AND created_at < updated_at AND record_count > 1
GROUP BY account_id;

DROP TABLE rules_left;
DROP TABLE found_parts;
DROP TABLE found_authors;
