import type { Device } from "../registry/device-rows.ts";
import type { Hub } from "../registry/hub-rows.ts";
import type { Identified } from "../registry/identity.ts";

/** By what a connection was let in: when one of these changes, it has to prove itself anew. Plain data, kept with the connection. */
export type Standing = {
  deviceId: string;
  hubId: string;
  productPlan: Hub["productPlan"];
  caFingerprint: string;
  certificateFingerprint: string | null;
  secure: boolean;
};

export const standingOf = ({ device, hub, secure }: Pick<Identified, "device" | "hub" | "secure">): Standing => ({
  deviceId: device.id,
  hubId: hub.id,
  productPlan: hub.productPlan,
  caFingerprint: hub.caFingerprint,
  certificateFingerprint: device.certificate?.fingerprint ?? null,
  secure,
});

export type Departure = {
  reason:
    | "hub_deleted"
    | "device_deleted"
    | "device_moved"
    | "hub_not_ready"
    | "device_disabled"
    | "plan_changed"
    | "security_changed";
  /** What the hub tells of it (specification 4.7). */
  event: string;
};

export const DEVICE_DELETED: Departure = { reason: "device_deleted", event: "device is deleted" };

/**
 * Why a connection may not stay, or undefined if it may (specification 5.2, live effects), by its device and that one's hub as they are now.
 * `kind` is of the change that made somebody ask: what was disabled and at once enabled again disconnects all the same.
 */
export function reasonToLeave(
  standing: Standing,
  { device, hub }: { device: Device | undefined; hub: Hub | undefined },
  kind?: string,
): Departure | undefined {
  if (kind === "hub.deleted" || (device && !hub)) return { reason: "hub_deleted", event: "hub is deleted" };
  if (!device || !hub) return DEVICE_DELETED;
  if (device.hubId !== standing.hubId) return { reason: "device_moved", event: "device has moved to another hub" };
  if (!hub.enabled || kind === "hub.disabled") return { reason: "hub_not_ready", event: "hub is not ready" };
  if (!device.enabled || kind === "device.disabled") {
    return { reason: "device_disabled", event: "device is not enabled" };
  }
  if (hub.productPlan !== standing.productPlan) {
    return { reason: "plan_changed", event: "hub product plan has changed" };
  }
  return isSecurityOf(standing, device, hub)
    ? undefined
    : { reason: "security_changed", event: "device security has changed, requires authentication" };
}

/** Renewing or replacing a certificate disconnects its device, however that was connected. */
const isSecurityOf = (standing: Standing, device: Device, hub: Hub): boolean =>
  (standing.secure || device.allowInsecure) &&
  hub.caFingerprint === standing.caFingerprint &&
  (device.certificate?.fingerprint ?? null) === standing.certificateFingerprint;
