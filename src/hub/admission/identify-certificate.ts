import type { Deps } from "../../deps.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { isDeviceCertificate, type PresentedCertificate, readPresented } from "../certificates/client-certificate.ts";
import { findVoucher } from "../certificates/find-voucher.ts";
import { findDeviceIdByCertificate } from "../registry/certificate-rows.ts";
import { digest } from "../registry/certificates.ts";
import { findDeviceIdByName } from "../registry/device-rows.ts";
import { DeviceName } from "../registry/device-schema.ts";
import type { Hub } from "../registry/hub-rows.ts";
import {
  admit,
  badCertificateRefusal,
  type Credentials,
  hubRefusal,
  type IdentifiedDevice,
  isRefusal,
  type Refusal,
  refusal,
  unidentifiedRefusal,
} from "../registry/identity.ts";
import { loadDevice } from "../registry/lookups.ts";
import { findNamedDevice } from "../registry/named-device.ts";
import { saveProof } from "./prove-certificate.ts";
import { provisionDevice } from "./provision-device.ts";

/** Maximum number of certificates of one client that are examined: its own, intermediate authorities, and the CA. */
const CERTIFICATES_MAX = 8;

type Found = Pick<IdentifiedDevice, "device" | "hub">;

/**
 * The devices that the certificate may identify: the one that has it (holder), and the one that the connection names
 * (named).
 */
type Meanings = { holder: Found | undefined; named: Found | undefined };

/**
 * Identifies a device by a client certificate whose key the client has proven: the device that has this certificate; or
 * the device that the connection names, if this certificate is attached to it and waits to be proven; or, in a hub with
 * a customer's own CA, the device with the certificate's common name, if the CA vouches for it. If these differ, naming
 * a device that has proven the certificate decides; otherwise the CA does.
 *
 * Our own CAs vouch for nothing: a certificate of theirs that no device has was replaced, or its device was deleted;
 * likewise one whose device has another by now.
 */
export async function identifyByCertificate(deps: Deps, credentials: Credentials): Promise<IdentifiedDevice | Refusal> {
  const [own, ...others] = credentials.certificates.slice(0, CERTIFICATES_MAX) as [Uint8Array, ...Uint8Array[]];
  const fingerprint = digest(own);
  const meanings = deps.store.read((reader) => findMeanings(reader, credentials, fingerprint));
  const { holder } = meanings;
  const leaf = await readPresented(own, deps.clock.now());
  if (!leaf || !isDeviceCertificate(leaf)) return badCertificateRefusal(holder && proved(holder));
  if (holder && overridesAuthorities(holder, meanings)) return admitHolder(deps, holder, fingerprint);
  return identifyWithAuthorities(deps, leaf, others, credentials, meanings);
}

function findMeanings(reader: Reader, credentials: Credentials, fingerprint: string): Meanings {
  const holder = findHolder(reader, fingerprint);
  // A certificate that this server issued identifies its holder, whatever names the connection sends.
  if (holder && isIssuedByUs(holder)) return { holder, named: undefined };
  const named = findNamedDevice(reader, credentials);
  return { holder, named: named?.hub && { device: named.device, hub: named.hub } };
}

function findHolder(reader: Reader, fingerprint: string): Found | undefined {
  const id = findDeviceIdByCertificate(reader, fingerprint);
  return id === undefined ? undefined : loadDevice(reader, id);
}

/** Returns whether this server issued the device's certificate, and it was not attached again as a custom one. */
const isIssuedByUs = ({ device }: Found) => device.certificateProven && !device.hasCustomCertificate;

const proved = (found: Found, provisioned = false): IdentifiedDevice => ({
  ...found,
  by: "certificate",
  secure: true,
  provisioned,
});

/**
 * Returns whether the holder is admitted without looking for a custom CA that vouches: this server issued the
 * certificate, or the holder has proven it and the connection names the holder.
 */
const overridesAuthorities = (holder: Found, { named }: Meanings): boolean =>
  isIssuedByUs(holder) || (holder.device.certificateProven && named?.device.id === holder.device.id);

/** Admits the holder. Reads it again first: it may have lost the certificate while the certificate was being parsed. */
function admitHolder(deps: Deps, holder: Found, fingerprint: string): IdentifiedDevice | Refusal {
  const now = deps.store.read((reader) => findHolder(reader, fingerprint));
  return now?.device.id === holder.device.id ? admit(proved(now)) : badCertificateRefusal(proved(holder));
}

async function identifyWithAuthorities(
  deps: Deps,
  leaf: PresentedCertificate,
  others: Uint8Array[],
  { peer }: Credentials,
  { holder, named }: Meanings,
): Promise<IdentifiedDevice | Refusal> {
  const now = deps.clock.now();
  const presented = (await Promise.all(others.map((der) => readPresented(der, now)))).filter(
    (one) => one !== undefined,
  );
  const claimant = named && isClaimOf(named, holder, leaf.fingerprint) ? named : undefined;
  const hints = { first: [claimant?.hub, holder?.hub], named: named?.hub };
  const { hub: voucher, suspect } = await findVoucher(deps, leaf, presented, hints);
  const isItsOwn = (found: Found) => voucher === undefined || voucher.id === found.hub.id;
  if (claimant && isItsOwn(claimant)) return prove(deps, claimant, leaf.fingerprint);
  if (holder && isItsOwn(holder)) return admitHolder(deps, holder, leaf.fingerprint);
  return voucher ? identifyInHub(deps, voucher, leaf, peer) : badCertificateRefusal({ hub: suspect });
}

/** Whether the named device waits to prove the certificate, or had it before proof was required. */
function isClaimOf({ device }: Found, holder: Found | undefined, fingerprint: string): boolean {
  if (holder?.device.certificateProven) return false;
  return [device.pendingCertificate, device.certificate].some((one) => one?.fingerprint === fingerprint);
}

async function prove(deps: Deps, claimant: Found, fingerprint: string): Promise<IdentifiedDevice | Refusal> {
  const admitted = admit(proved(claimant));
  if (isRefusal(admitted)) return admitted;
  const proven = await saveProof(deps, claimant.device, fingerprint);
  return proven ? admit(proved(proven)) : badCertificateRefusal(proved(claimant));
}

/**
 * Identifies the device of the hub whose name is the certificate's only common name; the caller has checked that the
 * hub's CA vouches for the certificate. If there is no such device, it may be provisioned.
 */
async function identifyInHub(
  deps: Deps,
  hub: Hub,
  leaf: PresentedCertificate,
  peer: string,
): Promise<IdentifiedDevice | Refusal> {
  const about = { hub, secure: true };
  const refused = hubRefusal(about);
  if (refused) return refused;
  const [name, second] = leaf.commonNames;
  if (!name) return refusal("bad_certificate", "certificate common name cannot be empty", about);
  // No device has a name that breaks the rules for names.
  if (second !== undefined || !DeviceName.safeParse(name).success) return badCertificateRefusal(about);
  const found = deps.store.read((reader) => {
    const id = findDeviceIdByName(reader, hub.id, name);
    return id === undefined ? undefined : loadDevice(reader, id);
  });
  if (!found) return hub.autoProvisioning ? provisionDevice(deps, hub, name, peer) : unidentifiedRefusal(about);
  const isStillUnder = found.hub.caFingerprint === hub.caFingerprint;
  if (found.device.certificate || !isStillUnder) return badCertificateRefusal(proved(found));
  return admit(proved(found));
}
