import type { Deps } from "../../deps.ts";
import type { Actor } from "../../kernel/actor.ts";
import type { Reader, Tx } from "../../store/sqlite/sql.ts";
import { findDeviceIdByCertificate, listClaimants } from "../registry/certificate-rows.ts";
import { type Certificate, type Device, findDeviceRow, saveDevice } from "../registry/device-rows.ts";
import { recordDevice } from "../registry/journal.ts";

/** A device that lost a certificate or a pending one. */
export type CertificateLoss = { deviceId: string; hubId: string; accountId: string };

/** The device that has a certificate, either proven or attached before proof was required. */
export function findHolder(reader: Reader, fingerprint: string): Device | undefined {
  const id = findDeviceIdByCertificate(reader, fingerprint);
  return id === undefined ? undefined : findDeviceRow(reader, id);
}

/**
 * Gives a device the certificate that it has proven. The caller has checked that no other device has proven it. Returns
 * the updated device, and the other devices that lost the certificate or no longer wait for it.
 */
export function takeCertificate(tx: Tx, device: Device, certificate: Certificate): [Device, Device[]] {
  const others = [findHolder(tx, certificate.fingerprint), ...listClaimants(tx, certificate.fingerprint)];
  const losers = others.filter((other) => other !== undefined && other.id !== device.id) as Device[];
  const lost = losers.map((loser) => without(loser, certificate.fingerprint, tx.now));
  for (const loser of lost) saveDevice(tx, loser);
  const taken = {
    ...device,
    certificate,
    hasCustomCertificate: true,
    certificateProven: true,
    pendingCertificate: null,
    updatedAt: tx.now,
  };
  saveDevice(tx, taken);
  return [taken, lost];
}

/** The device without this certificate, attached or pending. */
export function without(device: Device, fingerprint: string, now: number): Device {
  const had = device.certificate?.fingerprint === fingerprint;
  return {
    ...device,
    ...(had && { certificate: null, hasCustomCertificate: false, certificateProven: true }),
    ...(device.pendingCertificate?.fingerprint === fingerprint && { pendingCertificate: null }),
    updatedAt: now,
  };
}

/** Journals the losses, so that the devices' hubs publish them. */
export function recordLosses(tx: Tx, actor: Actor, lost: readonly Device[]): CertificateLoss[] {
  for (const device of lost) recordDevice(tx, actor, "device.certificate_ended", device);
  return lost.map(({ id, hubId, accountId }) => ({ deviceId: id, hubId, accountId }));
}

/** Logs the losses, so that the operator can explain them to the devices' owners. */
export function logLosses({ log }: Pick<Deps, "log">, fingerprint: string, lost: readonly CertificateLoss[]): void {
  for (const { deviceId, hubId, accountId } of lost) {
    log.warn("device.certificate_ended", { device: deviceId, hub: hubId, account: accountId, fingerprint });
  }
}
