import type { Deps } from "../../deps.ts";
import type { DeviceActor } from "../../kernel/actor.ts";
import { command } from "../../store/sqlite/command.ts";
import type { PresentedCertificate } from "../certificates/client-certificate.ts";
import { findVoucher } from "../certificates/find-voucher.ts";
import {
  type CertificateLoss,
  findHolder,
  logLosses,
  recordLosses,
  takeCertificate,
} from "../certificates/take-certificate.ts";
import { type Device, findDeviceRow } from "../registry/device-rows.ts";
import type { Hub } from "../registry/hub-rows.ts";
import { recordDevice } from "../registry/journal.ts";
import { loadDevice } from "../registry/lookups.ts";

type Input = { deviceId: string; fingerprint: string };

/**
 * Gives the device the certificate that its connection proved. Returns the devices that lost it, or null if the
 * device has it neither attached nor pending any more, or if another device has proven it meanwhile.
 */
export const saveProvenCertificate = command(
  "prove_certificate",
  (tx, actor, { deviceId, fingerprint }: Input): CertificateLoss[] | null => {
    const device = findDeviceRow(tx, deviceId);
    const certificate = [device?.pendingCertificate, device?.certificate].find(
      (one) => one?.fingerprint === fingerprint,
    );
    if (!device || !certificate) return null;
    const holder = findHolder(tx, fingerprint);
    if (holder && holder.id !== device.id && holder.certificateProven) return null;
    const [proven, lost] = takeCertificate(tx, device, certificate);
    recordDevice(tx, actor, "device.certificate_proven", proven);
    return recordLosses(tx, actor, lost);
  },
);

/**
 * Gives a device its pending certificate after a connection that named the device proved possession of the key; other
 * devices stop waiting for it. Returns the updated device, or undefined if the CA of another hub vouches for the
 * certificate.
 */
export async function proveCertificate(
  deps: Deps,
  { device, hub }: { device: Device; hub: Hub },
  leaf: PresentedCertificate,
): Promise<{ device: Device; hub: Hub } | undefined> {
  const { hub: voucher } = await findVoucher(deps, leaf, [], { first: [hub] });
  return voucher && voucher.id !== hub.id ? undefined : saveProof(deps, device, leaf.fingerprint);
}

/** Stores the proof. The caller has checked that no other hub's CA vouches for the certificate. */
export async function saveProof(deps: Deps, { id: deviceId, accountId }: Device, fingerprint: string) {
  const actor: DeviceActor = { kind: "device", accountId, deviceId };
  const lost = await deps.store.write(saveProvenCertificate, actor, { deviceId, fingerprint });
  if (!lost) return undefined;
  logLosses(deps, fingerprint, lost);
  return deps.store.read((reader) => loadDevice(reader, deviceId));
}
