import { userCommand } from "../../access/model/user-command.ts";
import type { Deps } from "../../deps.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { conflict } from "../../kernel/failure.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { readPresented } from "../certificates/client-certificate.ts";
import { findVoucher } from "../certificates/find-voucher.ts";
import {
  type CertificateLoss,
  findHolder,
  logLosses,
  recordLosses,
  takeCertificate,
} from "../certificates/take-certificate.ts";
import { hasClaimant } from "../registry/certificate-rows.ts";
import { derOf, readCertificate } from "../registry/certificates.ts";
import { type Certificate, type Device, saveDevice } from "../registry/device-rows.ts";
import { recordDevice } from "../registry/journal.ts";
import { getDevice, getHub } from "../registry/lookups.ts";

/**
 * `vouchedBy`: the fingerprint of the hub's CA, if it vouches for the certificate and the certificate's only common
 * name is the device's name; then no further proof is needed. Null otherwise.
 */
type Input = { id: string; certificate: Certificate; vouchedBy: string | null };
type Saved = { device: Device; lost: CertificateLoss[] };

export const saveAttachedCertificate = userCommand(
  "set_device_certificate",
  (tx, actor, { id, certificate, vouchedBy }: Input): Saved => {
    const device = getDevice(tx, actor, id);
    const holder = findHolder(tx, certificate.fingerprint);
    const isFree = holder === undefined || (!holder.certificateProven && holder.accountId !== actor.accountId);
    if (holder?.id !== id && (!isFree || hasClaimant(tx, actor.accountId, certificate.fingerprint, id))) {
      // The caller may not learn which device has it.
      throw conflict("exists", "Another device has this certificate.", obstacle(certificate));
    }
    const isVouchedFor = vouchedBy !== null && getHub(tx, actor, device.hubId).caFingerprint === vouchedBy;
    const [changed, lost] = isVouchedFor
      ? takeCertificate(tx, device, certificate)
      : [saveClaim(tx, device, certificate), []];
    recordDevice(tx, actor, "device.certificate_set", changed);
    return { device: changed, lost: recordLosses(tx, actor, lost) };
  },
);

/** The device keeps its current certificate until this one is proven. If both are the same, nothing is pending. */
function saveClaim(tx: Tx, device: Device, certificate: Certificate): Device {
  const isIts = device.certificate?.fingerprint === certificate.fingerprint;
  const claim = isIts ? { pendingCertificate: null, hasCustomCertificate: true } : { pendingCertificate: certificate };
  const changed = { ...device, ...claim, updatedAt: tx.now };
  saveDevice(tx, changed);
  return changed;
}

/**
 * Attaches a certificate made elsewhere to a device. It counts once a connection that names the device proves to have
 * its key, or at once if the CA of the device's hub vouches for it by the device's name. Refuses one that a device of
 * any hub has proven, one attached to another device of the account (specification 4.3), and one that the CA of another
 * hub vouches for.
 */
export async function setDeviceCertificate(
  deps: Deps,
  actor: UserActor,
  id: string,
  pem: string,
): Promise<{ device: Device; certificate: Certificate }> {
  const { device, hub } = deps.store.read((reader) => {
    const found = getDevice(reader, actor, id);
    return { device: found, hub: getHub(reader, actor, found.hubId) };
  });
  const certificate = await readCertificate(deps.clock.now(), pem);
  const leaf = await readPresented(derOf(certificate.pem), deps.clock.now());
  const voucher = leaf && (await findVoucher(deps, leaf, [], { first: [hub] })).hub;
  if (voucher && voucher.id !== hub.id) {
    throw conflict("exists", "The CA of another hub vouches for this certificate.", obstacle(certificate));
  }
  const isNamed = leaf?.commonNames.length === 1 && leaf.commonNames[0] === device.name;
  const vouchedBy = voucher && isNamed ? voucher.caFingerprint : null;
  const saved = await deps.store.write(saveAttachedCertificate, actor, { id, certificate, vouchedBy });
  logLosses(deps, certificate.fingerprint, saved.lost);
  return { device: saved.device, certificate };
}

const obstacle = ({ fingerprint }: Certificate) => ({ resource: "device_certificate", id: fingerprint });
