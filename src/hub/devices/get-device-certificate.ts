import type { UserActor } from "../../kernel/actor.ts";
import { notFound } from "../../kernel/failure.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import type { Certificate, Device } from "../registry/device-rows.ts";
import { getDevice } from "../registry/lookups.ts";

/**
 * Returns the certificate that was last attached to a device, proven or not. Not found if it has none, as is usual
 * in a hub with a custom CA (specification 4.3).
 */
export function getDeviceCertificate(
  reader: Reader,
  actor: UserActor,
  id: string,
): { device: Device; certificate: Certificate } {
  const device = getDevice(reader, actor, id);
  const certificate = device.pendingCertificate ?? device.certificate;
  if (!certificate) throw notFound("Device certificate", id);
  return { device, certificate };
}
