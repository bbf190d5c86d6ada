import { integer, type Reader, type Tx, text } from "../../store/sqlite/sql.ts";

/** Bytes of a hub's retained messages, queues and wills, and the number that identifies it in their tables. */
export type HubUsage = { number: number; bytes: number; retained: number };

/** Undefined for a deleted hub. */
export function findHubUsage(reader: Reader, hubId: string): HubUsage | undefined {
  const row = reader.get("SELECT number, bytes, retained_count FROM mqtt_usage WHERE hub_id = ? AND ended = 0", hubId);
  return (
    row && { number: integer(row, "number"), bytes: integer(row, "bytes"), retained: integer(row, "retained_count") }
  );
}

export function chargeHub(tx: Tx, number: number, bytes: number): void {
  tx.run("UPDATE mqtt_usage SET bytes = bytes + ? WHERE number = ?", bytes, number);
}

/** A deleted hub that may still have retained messages. */
export function findDeletedHub(reader: Reader): { number: number; hubId: string } | undefined {
  const row = reader.get("SELECT number, hub_id FROM mqtt_usage WHERE ended = 1 LIMIT 1");
  return row && { number: integer(row, "number"), hubId: text(row, "hub_id") };
}

export function deleteUsage(tx: Tx, number: number): void {
  tx.run("DELETE FROM mqtt_usage WHERE number = ?", number);
}
