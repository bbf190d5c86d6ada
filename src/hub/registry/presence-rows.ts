import { type Reader, type Tx, text } from "../../store/sqlite/sql.ts";

export function findAccountIdOfDevice(reader: Reader, deviceId: string): string | undefined {
  const row = reader.get("SELECT account_id FROM devices WHERE id = ?", deviceId);
  return row && text(row, "account_id");
}

export function saveConnected(tx: Tx, deviceId: string, isConnected: boolean): void {
  tx.run(
    "UPDATE devices SET is_connected = ? WHERE id = ? AND is_connected <> ?",
    Number(isConnected),
    deviceId,
    Number(isConnected),
  );
}

/** Stores a device's last activity, which never decreases. Does nothing for a deleted device. */
export function saveActivity(tx: Tx, deviceId: string, at: number): void {
  const updated = tx.run(
    "UPDATE device_activity SET last_activity_at = max(last_activity_at, ?) WHERE device_id = ?",
    at,
    deviceId,
  );
  if (updated > 0) return;
  tx.run(
    "INSERT INTO device_activity (device_id, last_activity_at) SELECT id, ? FROM devices WHERE id = ?",
    at,
    deviceId,
  );
}

/** Some devices that are connected, or were when the server ended. */
export const listConnectedDevices = (reader: Reader, limit: number) =>
  reader
    .all("SELECT id, account_id FROM devices WHERE is_connected = 1 LIMIT ?", limit)
    .map((row) => ({ id: text(row, "id"), accountId: text(row, "account_id") }));
