-- A certificate is no secret: that it was attached to a device proves nothing. It waits here until a connection that names the device proves
-- to have its key. Several devices may wait for the same one; the first to prove it has it.
ALTER TABLE devices ADD COLUMN pending_certificate_pem TEXT;
ALTER TABLE devices ADD COLUMN pending_certificate_fingerprint TEXT
  CHECK ((pending_certificate_pem IS NULL) = (pending_certificate_fingerprint IS NULL));
CREATE INDEX devices_by_pending_certificate ON devices (pending_certificate_fingerprint)
WHERE pending_certificate_fingerprint IS NOT NULL;

-- 0: the device's certificate was attached before that was asked for. It identifies its device, and yields to a device that proves it.
ALTER TABLE devices ADD COLUMN certificate_proven INTEGER NOT NULL DEFAULT 1 CHECK (certificate_proven IN (0, 1));

-- 1: the server has yet to look at the certificate, at its next start: signatures cannot be checked here.
ALTER TABLE devices ADD COLUMN certificate_unreviewed INTEGER NOT NULL DEFAULT 0 CHECK (certificate_unreviewed IN (0, 1));
CREATE INDEX devices_unreviewed ON devices (id) WHERE certificate_unreviewed = 1;
UPDATE devices SET certificate_proven = 0, certificate_unreviewed = 1
WHERE has_custom_certificate = 1 AND certificate_fingerprint IS NOT NULL;

-- The SHA-256 of the key identifier of a customer's CA, by which and by its name its hub is found; empty for a CA without one. Null for a CA
-- of ours, and for a customer's until the server has read it, at its next start.
ALTER TABLE hubs ADD COLUMN ca_key_id TEXT;

-- How many CAs of the same name the account had when this one was set. Of CAs that bear one name, the first of each account are tried first:
-- who takes a name a thousand times comes before another's only once.
ALTER TABLE hubs ADD COLUMN ca_turn INTEGER NOT NULL DEFAULT 0 CHECK (ca_turn >= 0);
UPDATE hubs SET ca_turn = (SELECT count(*) FROM hubs AS older WHERE older.ca_subject = hubs.ca_subject
    AND older.account_id = hubs.account_id AND older.rowid < hubs.rowid)
WHERE ca_subject IS NOT NULL;
DROP INDEX hubs_by_ca_subject;
CREATE INDEX hubs_by_ca_name ON hubs (ca_subject, ca_turn) WHERE ca_subject IS NOT NULL;
CREATE INDEX hubs_by_ca_key ON hubs (ca_subject, ca_key_id, ca_turn) WHERE ca_subject IS NOT NULL;
