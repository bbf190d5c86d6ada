import type { Deps } from "../deps.ts";
import type { Reader } from "../store/sql.ts";
import { derOf, digest } from "./certificates.ts";
import { isDeviceCertificate, isIssuedUnder, type Presented, readPresented } from "./client-certificate.ts";
import { findDeviceIdByCertificate, findDeviceIdByName } from "./device-rows.ts";
import { DeviceName } from "./device-schema.ts";
import { findHubByCa, type Hub, listHubsByCaSubject } from "./hub-rows.ts";
import {
  admit,
  badCertificate,
  type Credentials,
  type Identified,
  type Refusal,
  refusal,
  unidentified,
  whyHubRefuses,
} from "./identity.ts";
import { loadDevice } from "./lookups.ts";
import { provisionDevice } from "./provision-device.ts";

/** Certificates of one client that are looked at: its own, authorities, the CA. */
const CERTIFICATES_MAX = 8;
/** Hubs whose CAs bear the name that a certificate gives as its issuer's: each costs a signature. Who shows the CA itself needs no luck. */
const NAMESAKES_MAX = 16;

/**
 * The device whose certificate a client presented and has the key of: the very certificate that is attached to it, or, in a hub with a CA
 * of the customer's own, one with the device's name that the CA vouches for. Our own CAs vouch for nothing: a certificate of theirs
 * that is attached to no device is one that was replaced, or whose device is gone, and likewise one of a device that has another attached.
 */
export async function identifyByCertificate(deps: Deps, credentials: Credentials): Promise<Identified | Refusal> {
  const [own, ...others] = credentials.certificates.slice(0, CERTIFICATES_MAX) as [Uint8Array, ...Uint8Array[]];
  const fingerprint = digest(own);
  const holder = deps.store.read((reader) => findHolder(reader, fingerprint));
  const leaf = await readPresented(own, deps.clock.now());
  if (!leaf || !isDeviceCertificate(leaf)) return badCertificate(holder);
  if (holder) {
    // It may have lost the certificate while that was read.
    const now = deps.store.read((reader) => findHolder(reader, fingerprint));
    return now?.device.id === holder.device.id ? admit(proved(now)) : badCertificate(holder);
  }
  return identifyByAuthority(deps, leaf, others, credentials.peer);
}

function findHolder(reader: Reader, fingerprint: string) {
  const id = findDeviceIdByCertificate(reader, fingerprint);
  return id === undefined ? undefined : loadDevice(reader, id);
}

const proved = (found: Pick<Identified, "device" | "hub">, provisioned = false): Identified => ({
  ...found,
  by: "certificate",
  secure: true,
  provisioned,
});

async function identifyByAuthority(deps: Deps, leaf: Presented, others: Uint8Array[], peer: string) {
  const now = deps.clock.now();
  const presented = (await Promise.all(others.map((der) => readPresented(der, now)))).filter(
    (one) => one !== undefined,
  );
  const candidates = deps.store.read((reader) => findHubs(reader, leaf, presented));
  for (const hub of candidates) {
    const ca = await readPresented(derOf(hub.caPem), now);
    if (!ca || ca.fingerprint === leaf.fingerprint) continue;
    if (isIssuedUnder(ca, leaf, presented)) return identifyInHub(deps, hub, leaf, peer);
  }
  return badCertificate({ hub: candidates.length === 1 ? candidates[0] : undefined });
}

/** The hubs whose CAs may have issued a certificate: those of CAs that were presented with it, and those of CAs that are named as issuers. */
function findHubs(reader: Reader, leaf: Presented, others: Presented[]): Hub[] {
  const shown = others.map(({ fingerprint }) => findHubByCa(reader, fingerprint)).filter((hub) => hub !== undefined);
  if (shown.length > 0) return shown;
  const issuers = new Set([leaf, ...others].map(({ issuer }) => issuer));
  return [...issuers].flatMap((issuer) => listHubsByCaSubject(reader, issuer, NAMESAKES_MAX)).slice(0, NAMESAKES_MAX);
}

/** The device of a hub that has the one common name of a certificate which the hub's CA vouches for. An unknown one may be provisioned. */
async function identifyInHub(deps: Deps, hub: Hub, leaf: Presented, peer: string): Promise<Identified | Refusal> {
  const refused = whyHubRefuses(hub);
  if (refused) return refused;
  const [name, second] = leaf.commonNames;
  if (!name) return refusal("bad_certificate", "certificate common name cannot be empty", { hub });
  // No device has a name that breaks the rules for names.
  if (second !== undefined || !DeviceName.safeParse(name).success) return badCertificate({ hub });
  const found = deps.store.read((reader) => {
    const id = findDeviceIdByName(reader, hub.id, name);
    return id === undefined ? undefined : loadDevice(reader, id);
  });
  if (!found) return hub.autoProvisioning ? provisionDevice(deps, hub, name, peer) : unidentified({ hub });
  const isStillUnder = found.hub.caFingerprint === hub.caFingerprint;
  if (found.device.certificate || !isStillUnder) return badCertificate(found);
  return admit(proved(found));
}
