import type { Invariant } from "../store/invariant.ts";

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
];
