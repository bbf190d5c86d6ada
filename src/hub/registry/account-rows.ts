import { type Row, text } from "../../store/sqlite/sql.ts";
import type { AccountTable } from "../../store/transfer/account-table.ts";
import { caLabel } from "./ca-rows.ts";
import { graphiteLabel } from "./hub-schema.ts";

const SUBJECTS = "SELECT id FROM hubs WHERE account_id = ?1 UNION SELECT id FROM devices WHERE account_id = ?1";

export const HUB_TABLES: readonly AccountTable[] = [
  {
    table: "hubs",
    where: "account_id = ?1",
    order: "created_at, id",
    // Triggers count the devices as they are inserted.
    fixed: { device_count: 0, connected_device_count: 0 },
    sealed: [
      { column: "ca_key_sealed", label: (row: Row) => caLabel(text(row, "id")) },
      { column: "graphite_sealed", label: (row: Row) => graphiteLabel(text(row, "id")) },
    ],
  },
  // An imported device is not connected to the new server.
  { table: "devices", where: "account_id = ?1", order: "created_at, id", fixed: { is_connected: 0 } },
  {
    table: "device_activity",
    where: "device_id IN (SELECT id FROM devices WHERE account_id = ?1)",
    order: "device_id",
  },
  { table: "message_counts", where: `subject_id IN (${SUBJECTS})`, order: "subject_id, scale, bucket_at" },
];
