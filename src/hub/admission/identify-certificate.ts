import type { Deps } from "../../deps.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { isDeviceCertificate, type Presented, readPresented } from "../certificates/client-certificate.ts";
import { findVoucher } from "../certificates/find-voucher.ts";
import { findDeviceIdByCertificate } from "../registry/certificate-rows.ts";
import { digest } from "../registry/certificates.ts";
import { findDeviceIdByName } from "../registry/device-rows.ts";
import { DeviceName } from "../registry/device-schema.ts";
import type { Hub } from "../registry/hub-rows.ts";
import {
  admit,
  badCertificate,
  type Credentials,
  type Identified,
  isRefusal,
  type Refusal,
  refusal,
  unidentified,
  whyHubRefuses,
} from "../registry/identity.ts";
import { loadDevice } from "../registry/lookups.ts";
import { findNamed } from "../registry/named-device.ts";
import { saveProof } from "./prove-certificate.ts";
import { provisionDevice } from "./provision-device.ts";

/** Certificates of one client that are looked at: its own, authorities, the CA. */
const CERTIFICATES_MAX = 8;

type Found = Pick<Identified, "device" | "hub">;

/** What a certificate may mean: the device that has it, and the one that the connection names. */
type Meanings = { holder: Found | undefined; named: Found | undefined };

/**
 * The device whose certificate a client presented and has the key of: the very certificate that it has; or that was attached to it and waits
 * to be proven, if the connection names it; or, in a hub with a CA of the customer's own, one with the device's name that the CA vouches for.
 * Where these differ, who has the key decides by naming a device that has proven the certificate; else the CA.
 *
 * Our own CAs vouch for nothing: a certificate of theirs that is attached to no device is one that was replaced, or whose device is gone, and
 * likewise one of a device that has another.
 */
export async function identifyByCertificate(deps: Deps, credentials: Credentials): Promise<Identified | Refusal> {
  const [own, ...others] = credentials.certificates.slice(0, CERTIFICATES_MAX) as [Uint8Array, ...Uint8Array[]];
  const fingerprint = digest(own);
  const meanings = deps.store.read((reader) => findMeanings(reader, credentials, fingerprint));
  const { holder } = meanings;
  const leaf = await readPresented(own, deps.clock.now());
  if (!leaf || !isDeviceCertificate(leaf)) return badCertificate(holder && proved(holder));
  if (holder && isBeyondDoubt(holder, meanings)) return admitHolder(deps, holder, fingerprint);
  return identifyWithAuthorities(deps, leaf, others, credentials, meanings);
}

function findMeanings(reader: Reader, credentials: Credentials, fingerprint: string): Meanings {
  const holder = findHolder(reader, fingerprint);
  // Names mean nothing then.
  if (holder && isOfOurs(holder)) return { holder, named: undefined };
  const named = findNamed(reader, credentials);
  return { holder, named: named?.hub && { device: named.device, hub: named.hub } };
}

function findHolder(reader: Reader, fingerprint: string): Found | undefined {
  const id = findDeviceIdByCertificate(reader, fingerprint);
  return id === undefined ? undefined : loadDevice(reader, id);
}

/** A certificate that we issued, and nobody has brought back to us since. */
const isOfOurs = ({ device }: Found) => device.certificateProven && !device.hasCustomCertificate;

const proved = (found: Found, provisioned = false): Identified => ({
  ...found,
  by: "certificate",
  secure: true,
  provisioned,
});

/** No CA of a customer has a say in one that we issued, or that its device has proven and is named by the connection. */
const isBeyondDoubt = (holder: Found, { named }: Meanings): boolean =>
  isOfOurs(holder) || (holder.device.certificateProven && named?.device.id === holder.device.id);

/** It may have lost the certificate while that was read. */
function admitHolder(deps: Deps, holder: Found, fingerprint: string): Identified | Refusal {
  const now = deps.store.read((reader) => findHolder(reader, fingerprint));
  return now?.device.id === holder.device.id ? admit(proved(now)) : badCertificate(proved(holder));
}

async function identifyWithAuthorities(
  deps: Deps,
  leaf: Presented,
  others: Uint8Array[],
  { peer }: Credentials,
  { holder, named }: Meanings,
): Promise<Identified | Refusal> {
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
  return voucher ? identifyInHub(deps, voucher, leaf, peer) : badCertificate({ hub: suspect });
}

/** A connection names the device that waits to prove the certificate, or that had it before this was asked for. */
function isClaimOf({ device }: Found, holder: Found | undefined, fingerprint: string): boolean {
  if (holder?.device.certificateProven) return false;
  return [device.pendingCertificate, device.certificate].some((one) => one?.fingerprint === fingerprint);
}

async function prove(deps: Deps, claimant: Found, fingerprint: string): Promise<Identified | Refusal> {
  const admitted = admit(proved(claimant));
  if (isRefusal(admitted)) return admitted;
  const proven = await saveProof(deps, claimant.device, fingerprint);
  return proven ? admit(proved(proven)) : badCertificate(proved(claimant));
}

/** The device of a hub that has the one common name of a certificate which the hub's CA vouches for. An unknown one may be provisioned. */
async function identifyInHub(deps: Deps, hub: Hub, leaf: Presented, peer: string): Promise<Identified | Refusal> {
  const about = { hub, secure: true };
  const refused = whyHubRefuses(about);
  if (refused) return refused;
  const [name, second] = leaf.commonNames;
  if (!name) return refusal("bad_certificate", "certificate common name cannot be empty", about);
  // No device has a name that breaks the rules for names.
  if (second !== undefined || !DeviceName.safeParse(name).success) return badCertificate(about);
  const found = deps.store.read((reader) => {
    const id = findDeviceIdByName(reader, hub.id, name);
    return id === undefined ? undefined : loadDevice(reader, id);
  });
  if (!found) return hub.autoProvisioning ? provisionDevice(deps, hub, name, peer) : unidentified(about);
  const isStillUnder = found.hub.caFingerprint === hub.caFingerprint;
  if (found.device.certificate || !isStillUnder) return badCertificate(proved(found));
  return admit(proved(found));
}
