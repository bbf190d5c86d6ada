import { integer, type Reader, text, textOrNull } from "../../store/sqlite/sql.ts";

/** Something about a hub or a device changed: read them anew. */
export type DeviceChange = {
  /** Of the journal. */
  sequence: number;
  /** Of the journal, such as `device.updated` or `hub.disabled`. */
  kind: string;
  accountId: string;
  /** Null where it is the hub that changed. */
  deviceId: string | null;
  /** The hub; of a device that moved, the one that it is in now. */
  hubId: string;
  /** The hub that a device moved away from. */
  leftHubId: string | null;
};

/** As the index on the journal has it, word for word. */
export const OF_DEVICES = `(kind BETWEEN 'device.' AND 'device/' OR kind BETWEEN 'hub.' AND 'hub/')
  AND kind <> 'device.connected' AND kind <> 'device.disconnected'`;

/** What changed after a place in the journal, in order. */
export const listDeviceChanges = (reader: Reader, after: number, limit: number): DeviceChange[] =>
  reader
    .all(
      `SELECT sequence, kind, account_id, twin_id, json_extract(data, '$.hub') AS hub_id, json_extract(data, '$.left_hub') AS left_hub_id
       FROM events WHERE ${OF_DEVICES} AND sequence > ? ORDER BY sequence LIMIT ?`,
      after,
      limit,
    )
    .map((row) => ({
      sequence: integer(row, "sequence"),
      kind: text(row, "kind"),
      accountId: text(row, "account_id"),
      deviceId: textOrNull(row, "twin_id"),
      hubId: text(row, "hub_id"),
      leftHubId: textOrNull(row, "left_hub_id"),
    }));

/** Where the journal ends at the moment. */
export function lastSequence(reader: Reader): number {
  const row = reader.get("SELECT max(sequence) AS last FROM events");
  return row && row["last"] !== null ? integer(row, "last") : 0;
}
