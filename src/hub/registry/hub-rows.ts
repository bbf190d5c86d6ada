import { boolean, integer, type Reader, type Row, type Tx, text, textOrNull } from "../../store/sqlite/sql.ts";
import { type Page, pageOf } from "./page-rows.ts";

export type ProductPlan = "plan_shared" | "plan_dedicated" | "plan_ha";

export type Hub = {
  id: string;
  accountId: string;
  name: string;
  productPlan: ProductPlan;
  enabled: boolean;
  disableEvents: boolean;
  eventsTopicPrefix: string;
  autoProvisioning: boolean;
  /** The address that time series are pushed to. It contains a credential, so it is sealed. */
  graphiteSealed: string | null;
  caPem: string;
  caFingerprint: string;
  /** Null for a customer's own CA, whose key only the customer has. */
  caKeySealed: string | null;
  /** The SHA-256 of the subject of a customer's CA. */
  caSubject: string | null;
  /**
   * The SHA-256 of the key identifier of a custom CA; empty if the CA has none; null for a CA of ours, or if not
   * read yet.
   */
  caKeyId: string | null;
  deviceCount: number;
  connectedDeviceCount: number;
  createdAt: number;
  updatedAt: number;
};

const HUB = `id, account_id, name, product_plan, enabled, disable_events, events_topic_prefix, auto_provisioning,
  graphite_sealed, ca_pem, ca_fingerprint, ca_key_sealed, ca_subject, ca_key_id, device_count, connected_device_count, created_at, updated_at`;

/** A hub of an account; absent while it is being deleted. */
export function findHub(reader: Reader, accountId: string, id: string): Hub | undefined {
  const row = reader.get(
    `SELECT ${HUB} FROM hubs WHERE id = ? AND account_id = ? AND deleted_at IS NULL`,
    id,
    accountId,
  );
  return row && hubFrom(row);
}

/** A hub of any account; absent while it is being deleted. */
export function findHubRow(reader: Reader, id: string): Hub | undefined {
  const row = reader.get(`SELECT ${HUB} FROM hubs WHERE id = ? AND deleted_at IS NULL`, id);
  return row && hubFrom(row);
}

export const countHubs = (reader: Reader, accountId: string): number =>
  integer(reader.get("SELECT count(*) AS count FROM hubs WHERE account_id = ?", accountId) ?? {}, "count");

type HubFilters = { account_id: string; name?: string | undefined };

/**
 * Returns one page of an account's hubs, and the total count. `page.orderBy` is a column name from our code, never a
 * caller's text.
 */
export function listHubRows(reader: Reader, filters: HubFilters, page: Page): { items: Hub[]; totalCount: number } {
  const { rows, totalCount } = pageOf(
    reader,
    { columns: HUB, from: "hubs", where: "deleted_at IS NULL" },
    filters,
    page,
  );
  return { items: rows.map(hubFrom), totalCount };
}

export function insertHub(tx: Tx, hub: Hub): void {
  tx.run(
    `INSERT INTO hubs (id, account_id, name, product_plan, enabled, disable_events, events_topic_prefix, auto_provisioning,
       graphite_sealed, ca_pem, ca_fingerprint, ca_key_sealed, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    hub.id,
    hub.accountId,
    hub.name,
    hub.productPlan,
    Number(hub.enabled),
    Number(hub.disableEvents),
    hub.eventsTopicPrefix,
    Number(hub.autoProvisioning),
    hub.graphiteSealed,
    hub.caPem,
    hub.caFingerprint,
    hub.caKeySealed,
    hub.createdAt,
    hub.updatedAt,
  );
}

export function saveHub(tx: Tx, hub: Hub): void {
  tx.run(
    `UPDATE hubs SET name = ?, product_plan = ?, enabled = ?, disable_events = ?, events_topic_prefix = ?,
       auto_provisioning = ?, graphite_sealed = ?, ca_pem = ?, ca_fingerprint = ?, ca_key_sealed = ?, ca_subject = ?,
       ca_key_id = ?, updated_at = ?
     WHERE id = ?`,
    hub.name,
    hub.productPlan,
    Number(hub.enabled),
    Number(hub.disableEvents),
    hub.eventsTopicPrefix,
    Number(hub.autoProvisioning),
    hub.graphiteSealed,
    hub.caPem,
    hub.caFingerprint,
    hub.caKeySealed,
    hub.caSubject,
    hub.caKeyId,
    hub.updatedAt,
    hub.id,
  );
}

export function markHubDeleted(tx: Tx, id: string): void {
  tx.run("UPDATE hubs SET deleted_at = ? WHERE id = ?", tx.now, id);
}

/**
 * Returns how many devices the account has, or one of its hubs if `hubId` is given; and the ids of the hubs that are
 * being deleted. Their devices are not counted, since they are absent already.
 */
export function countDevices(reader: Reader, accountId: string, hubId?: string) {
  const rows = reader.all(
    "SELECT id, device_count, deleted_at IS NOT NULL AS ending FROM hubs WHERE account_id = ?",
    accountId,
  );
  const ending = new Set(rows.filter((row) => boolean(row, "ending")).map((row) => text(row, "id")));
  const counted = rows.filter((row) => !boolean(row, "ending") && (hubId === undefined || row["id"] === hubId));
  return { ending, count: counted.reduce((sum, row) => sum + integer(row, "device_count"), 0) };
}

/** Whether a hub is being deleted and not yet gone. */
export const isHubBeingDeleted = (reader: Reader, id: string): boolean =>
  reader.get("SELECT 1 FROM hubs WHERE id = ? AND deleted_at IS NOT NULL", id) !== undefined;

/** The hub with the oldest pending deletion. */
export function findEndingHub(reader: Reader): string | undefined {
  const row = reader.get("SELECT id FROM hubs WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1");
  return row && text(row, "id");
}

export function deleteHubRow(tx: Tx, id: string): void {
  tx.run("DELETE FROM hubs WHERE id = ?", id);
}

const hubFrom = (row: Row): Hub => ({
  id: text(row, "id"),
  accountId: text(row, "account_id"),
  name: text(row, "name"),
  productPlan: text(row, "product_plan") as ProductPlan,
  enabled: boolean(row, "enabled"),
  disableEvents: boolean(row, "disable_events"),
  eventsTopicPrefix: text(row, "events_topic_prefix"),
  autoProvisioning: boolean(row, "auto_provisioning"),
  graphiteSealed: textOrNull(row, "graphite_sealed"),
  caPem: text(row, "ca_pem"),
  caFingerprint: text(row, "ca_fingerprint"),
  caKeySealed: textOrNull(row, "ca_key_sealed"),
  caSubject: textOrNull(row, "ca_subject"),
  caKeyId: textOrNull(row, "ca_key_id"),
  deviceCount: integer(row, "device_count"),
  connectedDeviceCount: integer(row, "connected_device_count"),
  createdAt: integer(row, "created_at"),
  updatedAt: integer(row, "updated_at"),
});
