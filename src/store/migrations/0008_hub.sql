-- Hubs: a name space for devices. A hub that is being deleted is absent for everybody, and its row goes with its last device.
CREATE TABLE hubs (
  id                     TEXT    NOT NULL PRIMARY KEY,
  account_id             TEXT    NOT NULL REFERENCES accounts (id),
  name                   TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  product_plan           TEXT    NOT NULL CHECK (product_plan IN ('plan_shared', 'plan_dedicated', 'plan_ha')),
  enabled                INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  disable_events         INTEGER NOT NULL CHECK (disable_events IN (0, 1)),
  events_topic_prefix    TEXT    NOT NULL,
  auto_provisioning      INTEGER NOT NULL CHECK (auto_provisioning IN (0, 1)),
  graphite_sealed        TEXT,
  ca_pem                 TEXT    NOT NULL,
  ca_fingerprint         TEXT    NOT NULL UNIQUE, -- a CA belongs to one hub
  ca_key_sealed          TEXT,                    -- null for a CA of the customer's own
  device_count           INTEGER NOT NULL DEFAULT 0 CHECK (device_count >= 0),
  connected_device_count INTEGER NOT NULL DEFAULT 0 CHECK (connected_device_count >= 0),
  created_at             INTEGER NOT NULL,
  updated_at             INTEGER NOT NULL,
  deleted_at             INTEGER
) STRICT;

-- The hubs of an account by name.
CREATE INDEX hubs_by_account ON hubs (account_id, name, id);

-- The job that finishes deletions.
CREATE INDEX hubs_deleted ON hubs (deleted_at) WHERE deleted_at IS NOT NULL;

-- A device is a twin, and has its id. The row goes when the device ends; its twin stays, terminated.
CREATE TABLE devices (
  id                         TEXT    NOT NULL PRIMARY KEY REFERENCES twins (id),
  account_id                 TEXT    NOT NULL REFERENCES accounts (id),
  hub_id                     TEXT    NOT NULL REFERENCES hubs (id),
  name                       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  description                TEXT    NOT NULL,
  enabled                    INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  allow_insecure             INTEGER NOT NULL CHECK (allow_insecure IN (0, 1)),
  allow_multiple_connections INTEGER NOT NULL CHECK (allow_multiple_connections IN (0, 1)),
  message_filters            TEXT    NOT NULL CHECK (json_type(message_filters) = 'object'),
  certificate_pem            TEXT,
  certificate_fingerprint    TEXT    UNIQUE, -- by which a connection names its device
  has_custom_certificate     INTEGER NOT NULL CHECK (has_custom_certificate IN (0, 1)),
  is_connected               INTEGER NOT NULL CHECK (is_connected IN (0, 1)),
  last_activity_at           INTEGER NOT NULL,
  created_at                 INTEGER NOT NULL,
  updated_at                 INTEGER NOT NULL,
  UNIQUE (hub_id, name),
  CHECK ((certificate_pem IS NULL) = (certificate_fingerprint IS NULL))
) STRICT;

-- The devices of an account by name.
CREATE INDEX devices_by_account ON devices (account_id, name, id);

-- A hub's counts are asked for with every hub, and counting ten thousand devices takes a millisecond: the database keeps them.
CREATE TRIGGER device_added AFTER INSERT ON devices BEGIN
  UPDATE hubs SET device_count = device_count + 1, connected_device_count = connected_device_count + NEW.is_connected
  WHERE id = NEW.hub_id;
END;
CREATE TRIGGER device_removed AFTER DELETE ON devices BEGIN
  UPDATE hubs SET device_count = device_count - 1, connected_device_count = connected_device_count - OLD.is_connected
  WHERE id = OLD.hub_id;
END;
CREATE TRIGGER device_moved AFTER UPDATE OF hub_id, is_connected ON devices
WHEN NEW.hub_id <> OLD.hub_id OR NEW.is_connected <> OLD.is_connected BEGIN
  UPDATE hubs SET device_count = device_count - 1, connected_device_count = connected_device_count - OLD.is_connected
  WHERE id = OLD.hub_id;
  UPDATE hubs SET device_count = device_count + 1, connected_device_count = connected_device_count + NEW.is_connected
  WHERE id = NEW.hub_id;
END;

-- Messages of a device or a hub in each bucket of each scale (minutes, hours, …), and how many devices had any.
CREATE TABLE message_counts (
  subject_id TEXT    NOT NULL,
  scale      TEXT    NOT NULL,
  bucket_at  INTEGER NOT NULL,
  messages   INTEGER NOT NULL,
  devices    INTEGER NOT NULL,
  PRIMARY KEY (subject_id, scale, bucket_at)
) STRICT, WITHOUT ROWID;
