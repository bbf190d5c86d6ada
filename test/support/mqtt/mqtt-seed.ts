import { join } from "node:path";
import { Connection } from "../../../src/store/sqlite/connection.ts";

/** A hub with devices, inserted directly into an empty database, for tests in which their creation does not matter. */
export function seedDevices(dataDir: string, count: number): { hubId: string; deviceIds: string[] } {
  const connection = new Connection(join(dataDir, "twinpost.db"));
  const [accountId, hubId] = [crypto.randomUUID(), crypto.randomUUID()];
  const deviceIds = Array.from({ length: count }, () => crypto.randomUUID());
  try {
    connection.run("BEGIN IMMEDIATE");
    connection.run("INSERT INTO accounts (id, name, created_at, updated_at) VALUES (?, 'A', 0, 0)", accountId);
    connection.run(
      `INSERT INTO hubs (id, account_id, name, product_plan, enabled, disable_events, events_topic_prefix, auto_provisioning, ca_pem,
         ca_fingerprint, created_at, updated_at) VALUES (?, ?, 'h', 'plan_dedicated', 1, 0, '$SCW/events', 0, '', ?, 0, 0)`,
      hubId,
      accountId,
      hubId,
    );
    for (const id of deviceIds) {
      connection.run(
        "INSERT INTO twins (id, owner_id, creator_id, created_at, updated_at) VALUES (?, ?, ?, 0, 0)",
        id,
        accountId,
        accountId,
      );
      connection.run(
        `INSERT INTO devices (id, account_id, hub_id, name, description, enabled, allow_insecure, allow_multiple_connections,
           message_filters, has_custom_certificate, is_connected, created_at, updated_at)
         VALUES (?, ?, ?, ?, '', 1, 1, 1, '{"publish":{"policy":"reject","topics":[]},"subscribe":{"policy":"reject","topics":[]}}',
           0, 0, 0, 0)`,
        id,
        accountId,
        hubId,
        id,
      );
    }
    connection.run("COMMIT");
  } finally {
    connection.close();
  }
  return { hubId, deviceIds };
}
