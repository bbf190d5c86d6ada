-- What a migration changed of what existed, for the operator: the server logs each row once at its next start, as a warning, and deletes it.
CREATE TABLE upgrade_notices (
  number INTEGER PRIMARY KEY,
  -- The last part of the log event's name.
  event  TEXT    NOT NULL CHECK (length(event) > 0),
  -- A JSON object.
  fields TEXT    NOT NULL CHECK (json_type(fields) = 'object')
) STRICT;
