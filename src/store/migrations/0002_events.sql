-- The journal: one row for each (command, twin, kind), written with the change itself. Sequences have no gaps, and rows
-- stand in the order of their instants, so the oldest can be cut without an index on time. The newest row is never cut:
-- it holds the sequence up.
CREATE TABLE events (
  sequence    INTEGER NOT NULL PRIMARY KEY,
  occurred_at INTEGER NOT NULL,
  account_id  TEXT    NOT NULL,
  twin_id     TEXT,
  kind        TEXT    NOT NULL,
  actor_kind  TEXT    NOT NULL CHECK (actor_kind IN ('user', 'device', 'operator', 'system', 'anonymous')),
  actor_id    TEXT,
  data        TEXT    NOT NULL -- a JSON object
) STRICT;
