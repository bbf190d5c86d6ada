import type { Deps } from "../../deps.ts";
import type { Actor } from "../../kernel/actor.ts";
import type { Reader, Tx } from "../../store/sqlite/sql.ts";
import { findDeviceIdByCertificate, listClaimants } from "../registry/certificate-rows.ts";
import { type Certificate, type Device, findDeviceRow, saveDevice } from "../registry/device-rows.ts";
import { recordDevice } from "../registry/journal.ts";

/** A device that lost a certificate, or the hope for it. */
export type Loser = { deviceId: string; hubId: string; accountId: string };

/** The device that has a certificate, be it proven or attached before that was asked for. */
export function findHolder(reader: Reader, fingerprint: string): Device | undefined {
  const id = findDeviceIdByCertificate(reader, fingerprint);
  return id === undefined ? undefined : findDeviceRow(reader, id);
}

/**
 * Makes a certificate that is proven to be a device's its own. Nobody else may have proven it: that is asked before. Answers the device as
 * it is now, and the others that had it or waited for it, for whom it is over.
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

/** A device that has a certificate no longer, nor waits for it. */
export function without(device: Device, fingerprint: string, now: number): Device {
  const had = device.certificate?.fingerprint === fingerprint;
  return {
    ...device,
    ...(had && { certificate: null, hasCustomCertificate: false, certificateProven: true }),
    ...(device.pendingCertificate?.fingerprint === fingerprint && { pendingCertificate: null }),
    updatedAt: now,
  };
}

/** Journals what devices lost, by which their hubs tell it. */
export function recordLosses(tx: Tx, actor: Actor, lost: readonly Device[]): Loser[] {
  for (const device of lost) recordDevice(tx, actor, "device.certificate_ended", device);
  return lost.map(({ id, hubId, accountId }) => ({ deviceId: id, hubId, accountId }));
}

/** For whoever asks the operator why a device of theirs has lost a certificate, or never got it. */
export function logLosses({ log }: Pick<Deps, "log">, fingerprint: string, lost: readonly Loser[]): void {
  for (const { deviceId, hubId, accountId } of lost) {
    log.warn("device.certificate_ended", { device: deviceId, hub: hubId, account: accountId, fingerprint });
  }
}
