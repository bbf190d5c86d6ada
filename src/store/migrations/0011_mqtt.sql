-- What MQTT keeps: sessions that outlive their connections, with their subscriptions and queues, retained messages and wills.

-- What a hub's retained messages, queues and wills take of its budget; the triggers below and whoever queues keep it. A hub
-- that is gone has ended, and its row goes with the last of its retained messages. Numbers stand for hubs in the tables below
-- and are never given twice.
CREATE TABLE mqtt_usage (
  number         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  hub_id         TEXT    NOT NULL UNIQUE,
  bytes          INTEGER NOT NULL DEFAULT 0,
  retained_count INTEGER NOT NULL DEFAULT 0,
  ended          INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1))
) STRICT;

-- Whose retained messages are left to be dropped.
CREATE INDEX mqtt_usage_ended ON mqtt_usage (ended) WHERE ended = 1;

INSERT INTO mqtt_usage (hub_id) SELECT id FROM hubs;
CREATE TRIGGER hub_added_to_mqtt AFTER INSERT ON hubs BEGIN
  INSERT INTO mqtt_usage (hub_id) VALUES (NEW.id);
END;
CREATE TRIGGER hub_removed_from_mqtt AFTER DELETE ON hubs BEGIN
  UPDATE mqtt_usage SET ended = 1 WHERE hub_id = OLD.id;
END;

-- A session is its device's, so that no other device of the hub can take it by its client identifier. The id of a session
-- that ended is never given again: a late acknowledgement must not meet a stranger's queue.
CREATE TABLE mqtt_sessions (
  id                INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  device_id         TEXT    NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
  client_id         TEXT    NOT NULL,
  hub_number        INTEGER NOT NULL, -- no foreign key: the hub outlives its devices, and those their sessions
  expiry_interval_s INTEGER NOT NULL CHECK (expiry_interval_s BETWEEN 0 AND 4294967295),
  connected         INTEGER NOT NULL CHECK (connected IN (0, 1)),
  -- Null while it is connected, and if it never expires.
  expires_at        INTEGER,
  -- The newest position that was sent before the session was last suspended.
  sent_through      INTEGER NOT NULL DEFAULT 0,
  UNIQUE (device_id, client_id),
  CHECK (connected = 0 OR expires_at IS NULL)
) STRICT;

-- Which session expires next.
CREATE INDEX mqtt_sessions_by_expiry ON mqtt_sessions (expires_at) WHERE expires_at IS NOT NULL;

-- Where a session's queue ends, which every message for it moves on. A table of its own, because its rows are a tenth as wide as
-- sessions: what a group of messages writes to the disk is half as much.
CREATE TABLE mqtt_queue_ends (
  session_id      INTEGER NOT NULL PRIMARY KEY REFERENCES mqtt_sessions (id) ON DELETE CASCADE,
  -- The position that the next message gets.
  next_position   INTEGER NOT NULL DEFAULT 1,
  -- Bytes of all messages that were ever queued, and those of them that the hub's budget does not know of yet.
  queued_bytes    INTEGER NOT NULL DEFAULT 0,
  uncharged_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE mqtt_subscriptions (
  session_id              INTEGER NOT NULL REFERENCES mqtt_sessions (id) ON DELETE CASCADE,
  filter                  TEXT    NOT NULL,
  qos                     INTEGER NOT NULL CHECK (qos BETWEEN 0 AND 2),
  no_local                INTEGER NOT NULL CHECK (no_local IN (0, 1)),
  retain_as_published     INTEGER NOT NULL CHECK (retain_as_published IN (0, 1)),
  retain_handling         INTEGER NOT NULL CHECK (retain_handling BETWEEN 0 AND 2),
  subscription_identifier INTEGER,
  PRIMARY KEY (session_id, filter)
) STRICT, WITHOUT ROWID;

-- Packet identifiers of QoS 2 messages that came from a session's client and that it has not released yet.
CREATE TABLE mqtt_received (
  session_id INTEGER NOT NULL REFERENCES mqtt_sessions (id) ON DELETE CASCADE,
  packet_id  INTEGER NOT NULL CHECK (packet_id BETWEEN 1 AND 65535),
  PRIMARY KEY (session_id, packet_id)
) STRICT, WITHOUT ROWID;

-- What is too large to be written into each of its queues is kept once, and goes with the last of its rows there.
CREATE TABLE mqtt_messages (
  id         INTEGER NOT NULL PRIMARY KEY,
  hub_number INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  topic      TEXT    NOT NULL,
  payload    BLOB    NOT NULL,
  properties TEXT
) STRICT;

-- Messages for a session, from when they are published until they are acknowledged. No foreign key to the session, whose end would
-- have to wait for up to ten thousand of these: they are dropped later, in slices.
CREATE TABLE mqtt_queue (
  session_id     INTEGER NOT NULL,
  position       INTEGER NOT NULL,
  hub_number     INTEGER NOT NULL,
  flags          INTEGER NOT NULL, -- see queue-flags.ts
  -- Bytes that the session was ever queued before this one: the difference of two of them is what lies between.
  bytes_before   INTEGER NOT NULL,
  -- What goes back to the hub's budget with this row; it pays for the small ones before it too, so most pay nothing.
  charged_bytes  INTEGER NOT NULL,
  message_id     INTEGER,          -- null if it is written here, or released
  published_at   INTEGER NOT NULL,
  expires_at     INTEGER,
  subscription_identifiers TEXT,   -- a JSON array
  topic          TEXT,
  payload        BLOB,
  properties     TEXT,             -- a JSON object
  PRIMARY KEY (session_id, position)
) STRICT, WITHOUT ROWID;

-- Whether a message has a row left; what has expired. Most rows are in neither.
CREATE INDEX mqtt_queue_by_message ON mqtt_queue (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX mqtt_queue_by_expiry ON mqtt_queue (expires_at) WHERE expires_at IS NOT NULL;

-- The condition is looked at for each acknowledgement (3 µs); exact counts kept by triggers would cost 10 µs with each message and each of those.
CREATE TRIGGER mqtt_unqueued AFTER DELETE ON mqtt_queue WHEN OLD.charged_bytes > 0 OR OLD.message_id IS NOT NULL BEGIN
  UPDATE mqtt_usage SET bytes = bytes - OLD.charged_bytes WHERE number = OLD.hub_number;
  DELETE FROM mqtt_messages
  WHERE id = OLD.message_id AND NOT EXISTS (SELECT 1 FROM mqtt_queue WHERE message_id = OLD.message_id);
END;
CREATE TRIGGER mqtt_message_dropped AFTER DELETE ON mqtt_messages BEGIN
  UPDATE mqtt_usage SET bytes = bytes - OLD.bytes WHERE number = OLD.hub_number;
END;

-- Sessions that ended with messages in their queues.
CREATE TABLE mqtt_ended_sessions (session_id INTEGER NOT NULL PRIMARY KEY) STRICT;
CREATE TRIGGER mqtt_queue_ended AFTER DELETE ON mqtt_queue_ends WHEN OLD.next_position > 1 BEGIN
  INSERT INTO mqtt_ended_sessions (session_id) VALUES (OLD.session_id);
END;

CREATE TABLE mqtt_retained (
  id           INTEGER NOT NULL PRIMARY KEY,
  hub_number   INTEGER NOT NULL REFERENCES mqtt_usage (number),
  topic        TEXT    NOT NULL,
  qos          INTEGER NOT NULL CHECK (qos BETWEEN 0 AND 2),
  published_at INTEGER NOT NULL,
  expires_at   INTEGER,
  bytes        INTEGER NOT NULL,
  properties   TEXT,
  payload      BLOB    NOT NULL, -- last, because whoever looks at the others would have to read through it
  UNIQUE (hub_number, topic)
) STRICT;

CREATE INDEX mqtt_retained_by_expiry ON mqtt_retained (expires_at) WHERE expires_at IS NOT NULL;

CREATE TRIGGER mqtt_retained_added AFTER INSERT ON mqtt_retained BEGIN
  UPDATE mqtt_usage SET bytes = bytes + NEW.bytes, retained_count = retained_count + 1 WHERE number = NEW.hub_number;
END;
CREATE TRIGGER mqtt_retained_replaced AFTER UPDATE OF bytes ON mqtt_retained WHEN NEW.bytes <> OLD.bytes BEGIN
  UPDATE mqtt_usage SET bytes = bytes + NEW.bytes - OLD.bytes WHERE number = NEW.hub_number;
END;
CREATE TRIGGER mqtt_retained_dropped AFTER DELETE ON mqtt_retained BEGIN
  UPDATE mqtt_usage SET bytes = bytes - OLD.bytes, retained_count = retained_count - 1 WHERE number = OLD.hub_number;
END;

-- A will outlives its session where the session's end is what it waits for. The id is never given again: whoever published a will
-- drops that will and no later one.
CREATE TABLE mqtt_wills (
  id               INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  session_id       INTEGER NOT NULL,
  device_id        TEXT    NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
  hub_number       INTEGER NOT NULL,
  topic            TEXT    NOT NULL,
  payload          BLOB    NOT NULL,
  qos              INTEGER NOT NULL CHECK (qos BETWEEN 0 AND 2),
  retain           INTEGER NOT NULL CHECK (retain IN (0, 1)),
  properties       TEXT,
  delay_s          INTEGER NOT NULL,
  message_expiry_s INTEGER,
  due_at           INTEGER, -- null while its client is connected
  bytes            INTEGER NOT NULL
) STRICT;

-- The will of a session; what goes with a device; which is due next.
CREATE INDEX mqtt_wills_by_session ON mqtt_wills (session_id);
CREATE INDEX mqtt_wills_by_device ON mqtt_wills (device_id);
CREATE INDEX mqtt_wills_due ON mqtt_wills (due_at) WHERE due_at IS NOT NULL;

CREATE TRIGGER mqtt_will_added AFTER INSERT ON mqtt_wills BEGIN
  UPDATE mqtt_usage SET bytes = bytes + NEW.bytes WHERE number = NEW.hub_number;
END;
CREATE TRIGGER mqtt_will_dropped AFTER DELETE ON mqtt_wills BEGIN
  UPDATE mqtt_usage SET bytes = bytes - OLD.bytes WHERE number = OLD.hub_number;
END;

-- A device that moves to another hub leaves its sessions and its will behind.
CREATE TRIGGER device_moved_from_mqtt AFTER UPDATE OF hub_id ON devices WHEN NEW.hub_id <> OLD.hub_id BEGIN
  DELETE FROM mqtt_sessions WHERE device_id = OLD.id;
  DELETE FROM mqtt_wills WHERE device_id = OLD.id;
END;
