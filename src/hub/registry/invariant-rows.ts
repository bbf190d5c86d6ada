import type { Invariant } from "../../store/sqlite/invariant.ts";
import { HUB_AND_DEVICE_EVENTS } from "./device-feed-rows.ts";

/** The journal's last statement about each device. */
const LAST_SAID = `SELECT twin_id, kind, max(sequence) AS sequence FROM events
  WHERE ${HUB_AND_DEVICE_EVENTS} AND twin_id IS NOT NULL GROUP BY twin_id`;

export const HUB_INVARIANTS: readonly Invariant[] = [
  {
    broken: "hubs: {id} counts {device_count} devices, and has {present}",
    sql: `SELECT h.id, h.device_count, count(d.id) AS present FROM hubs h LEFT JOIN devices d ON d.hub_id = h.id
          GROUP BY h.id HAVING present <> h.device_count`,
  },
  {
    broken: "hubs: {id} counts {connected_device_count} connected devices, and has {present}",
    sql: `SELECT h.id, h.connected_device_count, coalesce(sum(d.is_connected), 0) AS present
          FROM hubs h LEFT JOIN devices d ON d.hub_id = h.id GROUP BY h.id HAVING present <> h.connected_device_count`,
  },
  {
    broken: "devices: {id} is of another account than its hub or its twin",
    sql: `SELECT d.id FROM devices d JOIN hubs h ON h.id = d.hub_id JOIN twins t ON t.id = d.id
          WHERE d.account_id <> h.account_id OR d.account_id <> t.owner_id`,
  },
  {
    broken: "devices: the twin of {id} is terminated",
    sql: "SELECT d.id FROM devices d JOIN twins t ON t.id = d.id WHERE t.terminated_at IS NOT NULL",
  },
  {
    broken: "message_counts: messages of {subject_id} are counted, which is neither a device nor a hub",
    sql: `SELECT DISTINCT subject_id FROM message_counts
          WHERE subject_id NOT IN (SELECT id FROM devices) AND subject_id NOT IN (SELECT id FROM hubs)`,
  },
  {
    broken: "devices: {id} is connected, and was never heard of",
    sql: "SELECT id FROM devices WHERE is_connected = 1 AND id NOT IN (SELECT device_id FROM device_activity)",
  },
  {
    broken: "hubs: {id} is looked for by the name of its CA, which is ours",
    sql: "SELECT id FROM hubs WHERE ca_key_sealed IS NOT NULL AND ca_subject IS NOT NULL",
  },
  {
    broken: "hubs: {id} has a CA of the customer's, and its key identifier was not read, or it has one of ours and was",
    sql: "SELECT id FROM hubs WHERE (ca_subject IS NULL) <> (ca_key_id IS NULL)",
  },
  {
    broken: "hubs: account {account_id} has {ahead} CAs of one name in the first {allowed} turns",
    sql: `SELECT account_id, ahead, allowed FROM (
            SELECT account_id, ca_turn + 1 AS allowed,
              count(*) OVER (PARTITION BY account_id, ca_subject ORDER BY ca_turn) AS ahead
            FROM hubs WHERE ca_subject IS NOT NULL)
          WHERE ahead > allowed GROUP BY account_id`,
  },
  {
    broken: "devices: {id} waits for the certificate that it has",
    sql: "SELECT id FROM devices WHERE pending_certificate_fingerprint = certificate_fingerprint",
  },
  {
    broken: "devices: several of account {account_id} have or wait for certificate {fingerprint}",
    sql: `SELECT account_id, fingerprint FROM (
            SELECT account_id, certificate_fingerprint AS fingerprint FROM devices UNION ALL
            SELECT account_id, pending_certificate_fingerprint FROM devices)
          WHERE fingerprint IS NOT NULL GROUP BY account_id, fingerprint HAVING count(*) > 1`,
  },
  {
    broken: "devices: {id} has no certificate, and it is not proven",
    sql: "SELECT id FROM devices WHERE certificate_fingerprint IS NULL AND certificate_proven = 0",
  },
  {
    // Brokers stop at such a row: they read no further until they know what it is about.
    broken: "events: {sequence} changes a hub or a device, and does not say which",
    sql: `SELECT sequence FROM events WHERE ${HUB_AND_DEVICE_EVENTS} AND (
            (kind LIKE 'device.%') <> (twin_id IS NOT NULL)
            OR CASE WHEN json_valid(data) THEN json_type(data, '$.hub') ELSE '' END IS NOT 'text')`,
  },
  {
    broken: "devices: {twin_id} is gone, and the last that the journal has of it is {kind} at {sequence}",
    sql: `SELECT twin_id, kind, sequence FROM (${LAST_SAID})
          WHERE kind <> 'device.deleted' AND twin_id NOT IN (SELECT id FROM devices)`,
  },
  {
    broken: "devices: {twin_id} is there, and the journal has it deleted at {sequence}",
    sql: `SELECT twin_id, sequence FROM (${LAST_SAID})
          WHERE kind = 'device.deleted' AND twin_id IN (SELECT id FROM devices)`,
  },
];
