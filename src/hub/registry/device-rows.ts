import { boolean, integer, type Reader, type Row, type Tx, text, textOrNull } from "../../store/sqlite/sql.ts";
import type { MessageFilters } from "./message-filters.ts";

/** A certificate that identifies a device, without its key. */
export type Certificate = { pem: string; fingerprint: string };

export type Device = {
  /** Also the id of its twin. */
  id: string;
  accountId: string;
  hubId: string;
  name: string;
  description: string;
  enabled: boolean;
  allowInsecure: boolean;
  allowMultipleConnections: boolean;
  messageFilters: MessageFilters;
  certificate: Certificate | null;
  hasCustomCertificate: boolean;
  /**
   * False only for a certificate attached before proof was required: another device that proves to have its key
   * takes it over. True if there is no certificate.
   */
  certificateProven: boolean;
  /** Attached, but it identifies no device until a connection that names the device proves to have its key. */
  pendingCertificate: Certificate | null;
  isConnected: boolean;
  /** 0 for never. */
  lastActivityAt: number;
  createdAt: number;
  updatedAt: number;
};

const DEVICE = `id, account_id, hub_id, name, description, enabled, allow_insecure, allow_multiple_connections, message_filters,
  certificate_pem, certificate_fingerprint, has_custom_certificate, certificate_proven, pending_certificate_pem,
  pending_certificate_fingerprint, is_connected, created_at, updated_at`;
/** The last activity is in a table of its own. */
const DEVICE_AND_ACTIVITY = `${DEVICE},
  coalesce((SELECT last_activity_at FROM device_activity WHERE device_id = devices.id), 0) AS last_activity_at`;
/** The condition that hides the devices of a hub as soon as its deletion begins, before their rows are gone. */
const HUB_IS_THERE = "hub_id NOT IN (SELECT id FROM hubs WHERE deleted_at IS NOT NULL)";

export function findDevice(reader: Reader, accountId: string, id: string): Device | undefined {
  const row = reader.get(
    `SELECT ${DEVICE_AND_ACTIVITY} FROM devices WHERE id = ? AND account_id = ? AND ${HUB_IS_THERE}`,
    id,
    accountId,
  );
  return row && deviceFrom(row);
}

/** The hub of a device, in one cheap query. */
export function findHubIdOfDevice(reader: Reader, accountId: string, id: string): string | undefined {
  const row = reader.get(
    `SELECT hub_id FROM devices WHERE id = ? AND account_id = ? AND ${HUB_IS_THERE}`,
    id,
    accountId,
  );
  return row && text(row, "hub_id");
}

/** A device's row, even if its hub is being deleted. */
export function findDeviceRow(reader: Reader, id: string): Device | undefined {
  const row = reader.get(`SELECT ${DEVICE_AND_ACTIVITY} FROM devices WHERE id = ?`, id);
  return row && deviceFrom(row);
}

export function findDeviceIdByName(reader: Reader, hubId: string, name: string): string | undefined {
  const row = reader.get("SELECT id FROM devices WHERE hub_id = ? AND name = ?", hubId, name);
  return row && text(row, "id");
}

/** The columns of a device that a list needs. */
export type DeviceSummary = Pick<
  Device,
  "id" | "name" | "hubId" | "enabled" | "allowInsecure" | "createdAt" | "updatedAt"
>;

/** Which devices a list includes, and their order by name. */
type DeviceWalk = {
  accountId: string;
  hubId?: string | undefined;
  name?: string | undefined;
  descending: boolean;
};

/** The cursor of a list: the last device that was read; null before the first. */
export type DeviceCursor = Pick<Device, "name" | "id"> | null;

/** Devices of an account, of one hub or of one name, after a position, ordered by name and then id. */
export function listDeviceSummaries(
  reader: Reader,
  walk: DeviceWalk,
  behind: DeviceCursor,
  limit: number,
): DeviceSummary[] {
  const { accountId, hubId, name, descending } = walk;
  const conditions = [
    "account_id = ?",
    hubId && "hub_id = ?",
    name && "name = ?",
    behind && placeCondition(descending),
  ];
  const index = hubId === undefined ? "INDEXED BY devices_by_account" : "";
  return reader
    .all(
      `SELECT id, name, hub_id, enabled, allow_insecure, created_at, updated_at FROM devices ${index}
       WHERE ${conditions.filter(Boolean).join(" AND ")} ORDER BY name${descending ? " DESC" : ""}, id LIMIT ?`,
      accountId,
      ...(hubId ? [hubId] : []),
      ...(name ? [name] : []),
      ...(behind ? [behind.name, behind.name, behind.id] : []),
      limit,
    )
    .map((row) => ({
      id: text(row, "id"),
      name: text(row, "name"),
      hubId: text(row, "hub_id"),
      enabled: boolean(row, "enabled"),
      allowInsecure: boolean(row, "allow_insecure"),
      createdAt: integer(row, "created_at"),
      updatedAt: integer(row, "updated_at"),
    }));
}

const placeCondition = (descending: boolean) =>
  descending ? "name <= ? AND (name < ? OR id > ?)" : "name >= ? AND (name > ? OR id > ?)";

/** Some devices of a hub, in no particular order. */
export const listDevicesOfHub = (reader: Reader, hubId: string, limit: number): Device[] =>
  reader.all(`SELECT ${DEVICE_AND_ACTIVITY} FROM devices WHERE hub_id = ? LIMIT ?`, hubId, limit).map(deviceFrom);

/** Inserts a new device, without activity. */
export function insertDevice(tx: Tx, device: Device): void {
  tx.run(
    `INSERT INTO devices (${DEVICE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    device.id,
    device.accountId,
    device.hubId,
    device.name,
    device.description,
    Number(device.enabled),
    Number(device.allowInsecure),
    Number(device.allowMultipleConnections),
    JSON.stringify(device.messageFilters),
    device.certificate?.pem ?? null,
    device.certificate?.fingerprint ?? null,
    Number(device.hasCustomCertificate),
    Number(device.certificateProven),
    device.pendingCertificate?.pem ?? null,
    device.pendingCertificate?.fingerprint ?? null,
    Number(device.isConnected),
    device.createdAt,
    device.updatedAt,
  );
}

/**
 * Saves a device. Not saved: its name, which never changes, and whether it is connected, which only `saveConnected`
 * changes.
 */
export function saveDevice(tx: Tx, device: Device): void {
  tx.run(
    `UPDATE devices SET hub_id = ?, description = ?, enabled = ?, allow_insecure = ?, allow_multiple_connections = ?,
       message_filters = ?, certificate_pem = ?, certificate_fingerprint = ?, has_custom_certificate = ?,
       certificate_proven = ?, pending_certificate_pem = ?, pending_certificate_fingerprint = ?, updated_at = ?
     WHERE id = ?`,
    device.hubId,
    device.description,
    Number(device.enabled),
    Number(device.allowInsecure),
    Number(device.allowMultipleConnections),
    JSON.stringify(device.messageFilters),
    device.certificate?.pem ?? null,
    device.certificate?.fingerprint ?? null,
    Number(device.hasCustomCertificate),
    Number(device.certificateProven),
    device.pendingCertificate?.pem ?? null,
    device.pendingCertificate?.fingerprint ?? null,
    device.updatedAt,
    device.id,
  );
}

export function deleteDeviceRow(tx: Tx, id: string): void {
  tx.run("DELETE FROM devices WHERE id = ?", id);
}

/** Removes the certificates that we issued from all devices of a hub, and returns how many lost theirs. */
export const dropIssuedCertificates = (tx: Tx, hubId: string): number =>
  tx.run(
    `UPDATE devices SET certificate_pem = NULL, certificate_fingerprint = NULL, updated_at = ?
     WHERE hub_id = ? AND has_custom_certificate = 0 AND certificate_pem IS NOT NULL`,
    tx.now,
    hubId,
  );

function deviceFrom(row: Row): Device {
  return {
    id: text(row, "id"),
    accountId: text(row, "account_id"),
    hubId: text(row, "hub_id"),
    name: text(row, "name"),
    description: text(row, "description"),
    enabled: boolean(row, "enabled"),
    allowInsecure: boolean(row, "allow_insecure"),
    allowMultipleConnections: boolean(row, "allow_multiple_connections"),
    messageFilters: JSON.parse(text(row, "message_filters")),
    certificate: certificateFrom(row, "certificate"),
    hasCustomCertificate: boolean(row, "has_custom_certificate"),
    certificateProven: boolean(row, "certificate_proven"),
    pendingCertificate: certificateFrom(row, "pending_certificate"),
    isConnected: boolean(row, "is_connected"),
    lastActivityAt: integer(row, "last_activity_at"),
    createdAt: integer(row, "created_at"),
    updatedAt: integer(row, "updated_at"),
  };
}

function certificateFrom(row: Row, column: "certificate" | "pending_certificate"): Certificate | null {
  const pem = textOrNull(row, `${column}_pem`);
  const fingerprint = textOrNull(row, `${column}_fingerprint`);
  return pem !== null && fingerprint !== null ? { pem, fingerprint } : null;
}
