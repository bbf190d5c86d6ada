import type { Device } from "./device-rows.ts";
import type { Hub } from "./hub-rows.ts";

/** What a connection shows of itself, once it has sent CONNECT. */
export type Credentials = {
  /** As DER, the client's own first; none without mutual TLS. The handshake has proved who has the key of that. */
  certificates: readonly Uint8Array[];
  clientId: string;
  userName: string | null;
  password: Uint8Array | null;
  /** `address:port` */
  peer: string;
};

/** A device that may connect. */
export type Identified = {
  device: Device;
  hub: Hub;
  by: "certificate" | "client_id" | "user_name";
  /** Its certificate, or a token signed by its key, proved it. */
  secure: boolean;
  /** This connection made the device. */
  provisioned: boolean;
};

export type RefusalReason =
  | "unidentified"
  | "insecure"
  | "hub_not_ready"
  | "device_disabled"
  | "bad_certificate"
  | "bad_token"
  /** A device would have been provisioned, but the hub has as many as it may have. */
  | "hub_full";

/** A connection that may not be; `event` is what the hub tells of it (specification 4.7). */
export type Refusal = {
  reason: RefusalReason;
  event: string;
  deviceId: string | null;
  hubId: string | null;
  /** The connection proved to be of the device or of the hub; a stranger could not have caused this. */
  proved?: true;
};

export const isRefusal = (outcome: Identified | Refusal): outcome is Refusal => "reason" in outcome;

type About = { device?: Pick<Device, "id"> | undefined; hub?: Pick<Hub, "id"> | undefined; secure?: boolean };

export const refusal = (reason: RefusalReason, event: string, { device, hub, secure }: About = {}): Refusal => ({
  reason,
  event,
  deviceId: device?.id ?? null,
  hubId: hub?.id ?? null,
  ...(secure && { proved: true }),
});

export const badCertificate = (about?: About) => refusal("bad_certificate", "invalid device certificate", about);
export const badToken = (about?: About) => refusal("bad_token", "invalid device token", about);
export const unidentified = (about?: About) => refusal("unidentified", "could not identify device", about);
export const insecure = (about?: About) => refusal("insecure", "mutual TLS authentication is required", about);

/** A hub that takes no connections, or undefined. */
export const whyHubRefuses = (about: { device?: Device; hub: Hub; secure: boolean }): Refusal | undefined =>
  about.hub.enabled ? undefined : refusal("hub_not_ready", "hub is not ready", about);

/** The last questions to a device that has proved what it is: are it and its hub in service (specification 5.2)? */
export function admit(identified: Identified): Identified | Refusal {
  const refused = whyHubRefuses(identified);
  if (refused) return refused;
  if (!identified.device.enabled) return refusal("device_disabled", "device is not enabled", identified);
  return identified;
}
