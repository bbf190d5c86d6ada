import { integer, type Reader, text, textOrNull } from "../../store/sqlite/sql.ts";

/** A hub or a device has changed and must be read again. */
export type DeviceChange = {
  /** The change's number in the journal. */
  sequence: number;
  /** The change's kind in the journal, such as `device.updated` or `hub.disabled`. */
  kind: string;
  accountId: string;
  /** Null if the hub itself changed. */
  deviceId: string | null;
  /** The hub; for a device that moved, its new one. */
  hubId: string;
  /** The hub that a device moved away from. */
  leftHubId: string | null;
};

/**
 * The SQL condition for events of devices and hubs that the broker follows: the range means "begins with device.",
 * since / follows . in ASCII. It must equal the condition of the journal's partial index word for word, or SQLite
 * does not use the index.
 */
export const HUB_AND_DEVICE_EVENTS = `(kind BETWEEN 'device.' AND 'device/' OR kind BETWEEN 'hub.' AND 'hub/')
  AND kind <> 'device.connected' AND kind <> 'device.disconnected'`;

/** Changes after a position in the journal, in order. */
export const listDeviceChanges = (reader: Reader, after: number, limit: number): DeviceChange[] =>
  reader
    .all(
      `SELECT sequence, kind, account_id, twin_id, json_extract(data, '$.hub') AS hub_id, json_extract(data, '$.left_hub') AS left_hub_id
       FROM events WHERE ${HUB_AND_DEVICE_EVENTS} AND sequence > ? ORDER BY sequence LIMIT ?`,
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

/** The journal's current last number. */
export function lastSequence(reader: Reader): number {
  const row = reader.get("SELECT max(sequence) AS last FROM events");
  return row && row["last"] !== null ? integer(row, "last") : 0;
}
