import { userCommand } from "../../access/model/user-command.ts";
import type { Deps } from "../../deps.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { conflict } from "../../kernel/failure.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { issueFor } from "../certificates/hub-ca.ts";
import { type Certificate, type Device, saveDevice } from "../registry/device-rows.ts";
import type { Hub } from "../registry/hub-rows.ts";
import { recordDevice } from "../registry/journal.ts";
import { getDevice, getHub } from "../registry/lookups.ts";

type Input = { id: string; certificate: Certificate; caFingerprint: string };

export const saveRenewedCertificate = userCommand("renew_device_certificate", (tx, actor, input: Input): Device => {
  const { device, hub } = getRenewable(tx, actor, input.id);
  if (hub.caFingerprint !== input.caFingerprint) throw conflict("busy", "The device moved to another hub meanwhile.");
  const changed = { ...device, certificate: input.certificate, certificateProven: true, updatedAt: tx.now };
  saveDevice(tx, changed);
  recordDevice(tx, actor, "device.certificate_renewed", changed);
  return changed;
});

/**
 * Issues a device a new certificate by the hub's CA; its key is returned only here. Refused under a customer's own CA
 * and for a custom certificate (specification 4.3).
 */
export async function renewDeviceCertificate(deps: Deps, actor: UserActor, id: string) {
  const { device, hub } = deps.store.read((reader) => getRenewable(reader, actor, id));
  const issued = await issueFor(deps, hub, device.name);
  if (!issued) throw customCa();
  const certificate = { pem: issued.pem, fingerprint: issued.fingerprint };
  const renewed = await deps.store.write(saveRenewedCertificate, actor, {
    id,
    certificate,
    caFingerprint: hub.caFingerprint,
  });
  return { device: renewed, issued };
}

function getRenewable(reader: Reader, actor: UserActor, id: string): { device: Device; hub: Hub } {
  const device = getDevice(reader, actor, id);
  const hub = getHub(reader, actor, device.hubId);
  if (hub.caKeySealed === null) throw customCa();
  if (device.hasCustomCertificate || device.pendingCertificate)
    throw conflict("precondition", "The device has a custom certificate.");
  return { device, hub };
}

const customCa = () => conflict("precondition", "The hub has a custom CA, whose owner issues certificates.");
