import { integer, type Reader, type Tx, text } from "../../store/sqlite/sql.ts";
import { HUB_AND_DEVICE_EVENTS } from "./device-feed-rows.ts";
import { type Device, findDeviceRow } from "./device-rows.ts";

/** The device with this certificate; there is at most one. */
export function findDeviceIdByCertificate(reader: Reader, fingerprint: string): string | undefined {
  const row = reader.get("SELECT id FROM devices WHERE certificate_fingerprint = ?", fingerprint);
  return row && text(row, "id");
}

/** Devices for which this certificate is pending; at most one per account. */
export const listClaimants = (reader: Reader, fingerprint: string): Device[] =>
  reader
    .all("SELECT id FROM devices WHERE pending_certificate_fingerprint = ? ORDER BY id", fingerprint)
    .map((row) => findDeviceRow(reader, text(row, "id")) as Device);

/** Whether another device of the account waits to prove this certificate. */
export const hasClaimant = (reader: Reader, accountId: string, fingerprint: string, besideId: string): boolean =>
  reader.get(
    "SELECT 1 FROM devices WHERE pending_certificate_fingerprint = ? AND account_id = ? AND id <> ?",
    fingerprint,
    accountId,
    besideId,
  ) !== undefined;

/** Some devices whose certificate was attached before proof was required, and has not been reviewed since. */
export const listDevicesToReview = (reader: Reader, limit: number): Device[] =>
  reader
    .all("SELECT id FROM devices INDEXED BY devices_unreviewed WHERE certificate_unreviewed = 1 LIMIT ?", limit)
    .map((row) => findDeviceRow(reader, text(row, "id")) as Device);

export function markReviewed(tx: Tx, deviceId: string): void {
  tx.run("UPDATE devices SET certificate_unreviewed = 0 WHERE id = ?", deviceId);
}

/** When certificates were attached to devices, as far back as the journal goes. */
export function findCertificateSetTimes(reader: Reader): Map<string, number> {
  const rows = reader.all(
    `SELECT twin_id, max(occurred_at) AS set_at FROM events INDEXED BY events_of_devices
     WHERE ${HUB_AND_DEVICE_EVENTS} AND kind = 'device.certificate_set' GROUP BY twin_id`,
  );
  return new Map(rows.map((row) => [text(row, "twin_id"), integer(row, "set_at")]));
}
