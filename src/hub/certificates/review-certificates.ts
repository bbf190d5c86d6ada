import type { Deps } from "../../deps.ts";
import { SYSTEM } from "../../kernel/actor.ts";
import { command } from "../../store/sqlite/command.ts";
import { listCasWithoutKeyId, saveCaKeyId } from "../registry/ca-rows.ts";
import { findCertificateSetTimes, listDevicesToReview, markReviewed } from "../registry/certificate-rows.ts";
import { derOf, readKeyId } from "../registry/certificates.ts";
import { type Device, findDeviceRow, saveDevice } from "../registry/device-rows.ts";
import { recordDevice } from "../registry/journal.ts";
import { loadDevice } from "../registry/lookups.ts";
import { readPresented } from "./client-certificate.ts";
import { findVoucher } from "./find-voucher.ts";
import { recordLosses, without } from "./take-certificate.ts";

/** Rows checked per transaction: a start waits for all of them, and the database's log grows meanwhile. */
const SLICE = 200;

/**
 * The outcome for a certificate that was attached before proof of its key was required. `ends`: the CA of another hub
 * vouches for it. `proven`: its own hub's CA does, by the device's name. `stays`: it has been in use, and is the
 * device's until another device proves it. `waits`: it has not been in use, and has to be proven like any other.
 */
type Verdict = "ends" | "proven" | "stays" | "waits";
type Judged = { deviceId: string; fingerprint: string; verdict: Verdict };

export const saveCaKeyIds = command(
  "save_ca_key_ids",
  (tx, _actor, { read }: { read: Record<string, string> }): null => {
    for (const [hubId, keyId] of Object.entries(read)) saveCaKeyId(tx, hubId, keyId);
    return null;
  },
);

export const saveCertificateVerdicts = command(
  "save_reviewed_certificates",
  (tx, actor, { judged }: { judged: Judged[] }): null => {
    for (const { deviceId, fingerprint, verdict } of judged) {
      const device = findDeviceRow(tx, deviceId);
      if (device?.certificate?.fingerprint === fingerprint) {
        if (verdict === "proven") saveDevice(tx, { ...device, certificateProven: true });
        if (verdict === "waits") {
          const changed = { ...without(device, fingerprint, tx.now), pendingCertificate: device.certificate };
          saveDevice(tx, changed);
          recordDevice(tx, actor, "device.certificate_set", changed);
        }
        if (verdict === "ends") {
          const changed = without(device, fingerprint, tx.now);
          saveDevice(tx, changed);
          recordLosses(tx, actor, [changed]);
        }
      }
      markReviewed(tx, deviceId);
    }
    return null;
  },
);

/**
 * Before the server accepts connections: reviews the certificates that an older version left. Those that contradict a
 * CA end, and those that were never in use have to be proven; the log names them.
 */
export async function reviewCertificates(deps: Deps): Promise<void> {
  await readCas(deps);
  let setAt: ReadonlyMap<string, number> | undefined;
  for (;;) {
    const devices = deps.store.read((reader) => listDevicesToReview(reader, SLICE));
    if (devices.length === 0) return;
    setAt ??= deps.store.read(findCertificateSetTimes);
    const judged: Judged[] = [];
    for (const device of devices) judged.push(await judge(deps, device, setAt));
    // Logged before it is stored: what a crash keeps from being stored is reviewed and logged again.
    for (const one of judged) logVerdict(deps, one);
    await deps.store.write(saveCertificateVerdicts, SYSTEM, { judged });
  }
}

/** Stores the key identifiers of CAs that older versions stored without one; CAs are found by it. */
async function readCas({ store }: Deps): Promise<void> {
  for (;;) {
    const cas = store.read((reader) => listCasWithoutKeyId(reader, SLICE));
    if (cas.length === 0) return;
    const read: Record<string, string> = {};
    for (const { hubId, pem } of cas) read[hubId] = await readKeyId(pem);
    await store.write(saveCaKeyIds, SYSTEM, { read });
  }
}

async function judge(deps: Deps, device: Device, setAt: ReadonlyMap<string, number>): Promise<Judged> {
  const fingerprint = device.certificate?.fingerprint ?? "";
  const hub = deps.store.read((reader) => loadDevice(reader, device.id))?.hub;
  const leaf = device.certificate && (await readPresented(derOf(device.certificate.pem), deps.clock.now()));
  const voucher = leaf ? (await findVoucher(deps, leaf, [], { first: [hub] })).hub : undefined;
  const verdict = (): Verdict => {
    if (hub && voucher && voucher.id !== hub.id) return "ends";
    if (voucher && leaf?.commonNames.length === 1 && leaf.commonNames[0] === device.name) return "proven";
    return wasInUse(device, setAt.get(device.id) ?? 0) ? "stays" : "waits";
  };
  return { deviceId: device.id, fingerprint, verdict: verdict() };
}

/**
 * Returns whether the device used the certificate after it was attached. Activity of a device that allows insecure
 * connections does not count: any client that knows its id could have connected.
 */
const wasInUse = ({ allowInsecure, lastActivityAt }: Device, setAt: number) => !allowInsecure && lastActivityAt > setAt;

function logVerdict({ log, store }: Deps, { deviceId, fingerprint, verdict }: Judged): void {
  if (verdict === "proven") return;
  const device = store.read((reader) => findDeviceRow(reader, deviceId));
  if (!device) return;
  const fields = { device: deviceId, hub: device.hubId, account: device.accountId, fingerprint };
  if (verdict === "ends") log.warn("upgrade.device_certificate_ended", fields);
  if (verdict === "waits") log.warn("upgrade.device_certificate_pending", fields);
  if (verdict === "stays") log.info("upgrade.device_certificate_unproven", fields);
}
