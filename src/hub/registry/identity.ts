import type { Device } from "./device-rows.ts";
import type { Hub } from "./hub-rows.ts";

/** A connection's credentials, after its CONNECT. */
export type Credentials = {
  /**
   * As DER, the client's own first; none without mutual TLS. The handshake has proven possession of the first one's
   * key.
   */
  certificates: readonly Uint8Array[];
  clientId: string;
  userName: string | null;
  password: Uint8Array | null;
  /** `address:port` */
  peer: string;
};

/** The device that a connection was identified as. It may connect only after `admit` has returned it. */
export type IdentifiedDevice = {
  device: Device;
  hub: Hub;
  by: "certificate" | "client_id" | "user_name";
  /** Proven by its certificate, or by a token that its key signed. */
  secure: boolean;
  /** Whether this connection created the device. */
  provisioned: boolean;
};

export type RefusalReason =
  | "unidentified"
  | "insecure"
  | "hub_not_ready"
  | "device_disabled"
  | "bad_certificate"
  | "bad_token"
  /** The device would have been provisioned, but the hub has reached its limit. */
  | "hub_full";

/** A refused connection; `event` is the message of the hub's event (specification 4.7). */
export type Refusal = {
  reason: RefusalReason;
  event: string;
  deviceId: string | null;
  hubId: string | null;
  /**
   * True if the connection proved to be of the device, or to have a certificate of the hub's CA. Absent if any
   * client could have caused the refusal.
   */
  proved?: true;
};

export const isRefusal = (outcome: IdentifiedDevice | Refusal): outcome is Refusal => "reason" in outcome;

type About = { device?: Pick<Device, "id"> | undefined; hub?: Pick<Hub, "id"> | undefined; secure?: boolean };

export const refusal = (reason: RefusalReason, event: string, { device, hub, secure }: About = {}): Refusal => ({
  reason,
  event,
  deviceId: device?.id ?? null,
  hubId: hub?.id ?? null,
  ...(secure && { proved: true }),
});

export const badCertificateRefusal = (about?: About) => refusal("bad_certificate", "invalid device certificate", about);
export const badTokenRefusal = (about?: About) => refusal("bad_token", "invalid device token", about);
export const unidentifiedRefusal = (about?: About) => refusal("unidentified", "could not identify device", about);
export const insecureRefusal = (about?: About) => refusal("insecure", "mutual TLS authentication is required", about);

/** Returns a refusal if the hub accepts no connections, otherwise undefined. */
export const hubRefusal = (about: { device?: Device; hub: Hub; secure: boolean }): Refusal | undefined =>
  about.hub.enabled ? undefined : refusal("hub_not_ready", "hub is not ready", about);

/** Checks that an identified device and its hub are enabled (specification 5.2). Returns the device, or the refusal. */
export function admit(identified: IdentifiedDevice): IdentifiedDevice | Refusal {
  const refused = hubRefusal(identified);
  if (refused) return refused;
  if (!identified.device.enabled) return refusal("device_disabled", "device is not enabled", identified);
  return identified;
}
