import type { AccountTable, Naming } from "../../store/transfer/account-table.ts";

const HUB_NUMBERS: Naming = { table: "mqtt_usage", number: "number", name: "hub_id" };
const OWN_HUBS = "SELECT u.number FROM mqtt_usage u JOIN hubs h ON h.id = u.hub_id WHERE h.account_id = ?1";

/**
 * An export takes a hub's retained messages with its account. Sessions are left behind: clients create new ones where
 * they connect next.
 */
export const MQTT_TABLES: readonly AccountTable[] = [
  {
    table: "mqtt_retained",
    where: `hub_number IN (${OWN_HUBS})`,
    order: "(SELECT u.hub_id FROM mqtt_usage u WHERE u.number = hub_number), topic",
    fixed: { id: null },
    named: { hub_number: HUB_NUMBERS },
    left: [
      {
        what: "MQTT sessions, with their subscriptions, the messages that wait in them, and wills",
        count: `SELECT count(*) AS count FROM mqtt_sessions
          WHERE device_id IN (SELECT id FROM devices WHERE account_id = ?1)`,
      },
    ],
  },
];
