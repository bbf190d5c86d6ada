import { userCommand } from "../access/user-command.ts";
import type { Deps } from "../deps.ts";
import type { UserActor } from "../kernel/actor.ts";
import { conflict } from "../kernel/failure.ts";
import { readCertificate } from "./certificates.ts";
import { type Certificate, type Device, findDeviceIdByCertificate, saveDevice } from "./device-rows.ts";
import { recordDevice } from "./journal.ts";
import { getDevice } from "./lookups.ts";

type Input = { id: string; certificate: Certificate };

export const saveCertificate = userCommand(
  "set_device_certificate",
  (tx, actor, { id, certificate }: Input): Device => {
    const device = getDevice(tx, actor, id);
    const holder = findDeviceIdByCertificate(tx, certificate.fingerprint);
    if (holder !== undefined && holder !== id) {
      // Whose device has it is not the caller's to know.
      const obstacle = { resource: "device_certificate", id: certificate.fingerprint };
      throw conflict("exists", "Another device has this certificate.", obstacle);
    }
    const changed = { ...device, certificate, hasCustomCertificate: true, updatedAt: tx.now };
    saveDevice(tx, changed);
    recordDevice(tx, actor, "device.certificate_set", changed);
    return changed;
  },
);

/** Gives a device a certificate that somebody else made; the one before is gone. Refuses one that any device of any hub has (specification 4.3). */
export async function setDeviceCertificate(deps: Deps, actor: UserActor, id: string, pem: string): Promise<Device> {
  deps.store.read((reader) => getDevice(reader, actor, id));
  const certificate = await readCertificate(deps.clock.now(), pem);
  return deps.store.write(saveCertificate, actor, { id, certificate });
}
