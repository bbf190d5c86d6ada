import { integer, type Reader, type Tx, text } from "../../store/sqlite/sql.ts";
import { OF_DEVICES } from "./device-feed-rows.ts";
import { type Device, findDeviceRow } from "./device-rows.ts";

/** The device whose certificate this is: there is one at most. */
export function findDeviceIdByCertificate(reader: Reader, fingerprint: string): string | undefined {
  const row = reader.get("SELECT id FROM devices WHERE certificate_fingerprint = ?", fingerprint);
  return row && text(row, "id");
}

/** Devices that wait to prove a certificate: one of an account at most. */
export const listClaimants = (reader: Reader, fingerprint: string): Device[] =>
  reader
    .all("SELECT id FROM devices WHERE pending_certificate_fingerprint = ? ORDER BY id", fingerprint)
    .map((row) => findDeviceRow(reader, text(row, "id")) as Device);

/** Another device of an account that waits to prove a certificate. */
export const hasClaimant = (reader: Reader, accountId: string, fingerprint: string, besideId: string): boolean =>
  reader.get(
    "SELECT 1 FROM devices WHERE pending_certificate_fingerprint = ? AND account_id = ? AND id <> ?",
    fingerprint,
    accountId,
    besideId,
  ) !== undefined;

/** Some devices with certificates that were attached before their keys had to be proven, and have not been looked at since. */
export const listUnreviewed = (reader: Reader, limit: number): Device[] =>
  reader
    .all("SELECT id FROM devices INDEXED BY devices_unreviewed WHERE certificate_unreviewed = 1 LIMIT ?", limit)
    .map((row) => findDeviceRow(reader, text(row, "id")) as Device);

export function markReviewed(tx: Tx, deviceId: string): void {
  tx.run("UPDATE devices SET certificate_unreviewed = 0 WHERE id = ?", deviceId);
}

/** When devices got the certificates that were attached to them, as far as the journal goes back. */
export function whenCertificatesWereSet(reader: Reader): Map<string, number> {
  const rows = reader.all(
    `SELECT twin_id, max(occurred_at) AS set_at FROM events INDEXED BY events_of_devices
     WHERE ${OF_DEVICES} AND kind = 'device.certificate_set' GROUP BY twin_id`,
  );
  return new Map(rows.map((row) => [text(row, "twin_id"), integer(row, "set_at")]));
}
