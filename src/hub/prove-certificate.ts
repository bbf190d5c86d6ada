import type { Deps } from "../deps.ts";
import type { DeviceActor } from "../kernel/actor.ts";
import { command } from "../store/command.ts";
import type { Presented } from "./client-certificate.ts";
import { type Device, findDeviceRow } from "./device-rows.ts";
import { findVoucher } from "./find-voucher.ts";
import type { Hub } from "./hub-rows.ts";
import { recordDevice } from "./journal.ts";
import { loadDevice } from "./lookups.ts";
import { findHolder, type Loser, recordLosses, takeCertificate } from "./take-certificate.ts";

type Input = { deviceId: string; fingerprint: string };

/** Null if the device waits for the certificate no longer, or another one has proven it meanwhile. */
export const saveProven = command(
  "prove_certificate",
  (tx, actor, { deviceId, fingerprint }: Input): Loser[] | null => {
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
 * A connection named a device and proved to have the key of the certificate that it waits for: from now on it is the device's, and for others
 * that waited for it, it is over. Answers the device as it is then. Refuses a certificate that the CA of another hub vouches for, with undefined.
 */
export async function proveCertificate(
  deps: Deps,
  { device, hub }: { device: Device; hub: Hub },
  leaf: Presented,
): Promise<{ device: Device; hub: Hub } | undefined> {
  const { hub: voucher } = await findVoucher(deps, leaf, [], { first: [hub] });
  return voucher && voucher.id !== hub.id ? undefined : saveProof(deps, device, leaf.fingerprint);
}

/** The same where it is known already that no CA of another hub vouches for the certificate. */
export async function saveProof(deps: Deps, { id: deviceId, accountId }: Device, fingerprint: string) {
  const actor: DeviceActor = { kind: "device", accountId, deviceId };
  const lost = await deps.store.write(saveProven, actor, { deviceId, fingerprint });
  if (!lost) return undefined;
  logLosses(deps, fingerprint, lost);
  return deps.store.read((reader) => loadDevice(reader, deviceId));
}

/** For whoever asks the operator why a device of theirs has lost a certificate, or never got it. */
export function logLosses({ log }: Pick<Deps, "log">, fingerprint: string, lost: readonly Loser[]): void {
  for (const { deviceId, hubId, accountId } of lost) {
    log.warn("device.certificate_ended", { device: deviceId, hub: hubId, account: accountId, fingerprint });
  }
}
