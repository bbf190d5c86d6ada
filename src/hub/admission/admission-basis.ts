import type { Device } from "../registry/device-rows.ts";
import type { Hub } from "../registry/hub-rows.ts";
import type { IdentifiedDevice } from "../registry/identity.ts";

/**
 * The basis on which a connection was admitted: when a part of it changes, the connection has to authenticate again.
 * Plain data, kept with the connection.
 */
export type AdmissionBasis = {
  deviceId: string;
  hubId: string;
  productPlan: Hub["productPlan"];
  caFingerprint: string;
  certificateFingerprint: string | null;
  secure: boolean;
};

export const admissionBasisOf = ({
  device,
  hub,
  secure,
}: Pick<IdentifiedDevice, "device" | "hub" | "secure">): AdmissionBasis => ({
  deviceId: device.id,
  hubId: hub.id,
  productPlan: hub.productPlan,
  caFingerprint: hub.caFingerprint,
  certificateFingerprint: device.certificate?.fingerprint ?? null,
  secure,
});

export type Eviction = {
  reason:
    | "hub_deleted"
    | "device_deleted"
    | "device_moved"
    | "hub_not_ready"
    | "device_disabled"
    | "plan_changed"
    | "security_changed";
  /** The message of the hub's event (specification 4.7). */
  event: string;
};

export const DEVICE_DELETED: Eviction = { reason: "device_deleted", event: "device is deleted" };

/**
 * Returns why a connection must end, or undefined if it may stay (specification 5.2, live effects), by comparing
 * what admitted it with the current device and hub. `kind` is the journal kind of the change that triggered the
 * check: it ends the connection of a device that was disabled, even if the device has been enabled again since.
 */
export function evictionReason(
  standing: AdmissionBasis,
  { device, hub }: { device: Device | undefined; hub: Hub | undefined },
  kind?: string,
): Eviction | undefined {
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

/**
 * Returns whether the device may still connect in this way: insecure connections still allowed, the same CA of the
 * hub, the same certificate. So renewing or replacing a certificate disconnects its device, however it connected.
 */
const isSecurityOf = (standing: AdmissionBasis, device: Device, hub: Hub): boolean =>
  (standing.secure || device.allowInsecure) &&
  hub.caFingerprint === standing.caFingerprint &&
  (device.certificate?.fingerprint ?? null) === standing.certificateFingerprint;
