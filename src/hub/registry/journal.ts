import { record } from "../../journal/record.ts";
import type { Actor } from "../../kernel/actor.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { declareTopic, type Tx } from "../../store/sqlite/sql.ts";
import type { Device } from "./device-rows.ts";
import type { Hub } from "./hub-rows.ts";

/** Wakes the brokers: a hub or a device changed. */
export const DEVICES_TOPIC = declareTopic("devices");

type HubKind = "hub.created" | "hub.updated" | "hub.enabled" | "hub.disabled" | "hub.ca_set" | "hub.deleted";
type DeviceKind =
  | "device.created"
  | "device.updated"
  | "device.enabled"
  | "device.disabled"
  | "device.certificate_renewed"
  | "device.certificate_set"
  | "device.certificate_proven"
  | "device.certificate_ended"
  | "device.deleted";

/**
 * Journals a hub's current state. The address of its time series contains a credential: only whether it has one is
 * recorded.
 */
export function recordHub(tx: Tx, actor: Actor, kind: HubKind, hub: Hub): void {
  const data = {
    hub: hub.id,
    name: hub.name,
    product_plan: hub.productPlan,
    enabled: hub.enabled,
    disable_events: hub.disableEvents,
    events_topic_prefix: hub.eventsTopicPrefix,
    enable_device_auto_provisioning: hub.autoProvisioning,
    has_graphite_config: hub.graphiteSealed !== null,
    ca_fingerprint: hub.caFingerprint,
  };
  tx.wake(DEVICES_TOPIC);
  record(tx, actor, { kind, accountId: hub.accountId, data });
}

/** Journals a device's current state, and the hub that it left, if it moved. */
export function recordDevice(tx: Tx, actor: Actor, kind: DeviceKind, device: Device, leftHub?: string): void {
  const data = {
    hub: device.hubId,
    ...(leftHub !== undefined && { left_hub: leftHub }),
    name: device.name,
    description: device.description,
    enabled: device.enabled,
    allow_insecure: device.allowInsecure,
    allow_multiple_connections: device.allowMultipleConnections,
    message_filters: device.messageFilters,
    certificate_fingerprint: device.certificate?.fingerprint ?? null,
    ...(device.pendingCertificate && { pending_certificate_fingerprint: device.pendingCertificate.fingerprint }),
  } satisfies JsonObject;
  tx.wake(DEVICES_TOPIC);
  record(tx, actor, { kind, accountId: device.accountId, twinId: device.id, data });
}
