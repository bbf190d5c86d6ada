import type { Deps } from "../../deps.ts";
import { readPresented } from "../certificates/client-certificate.ts";
import { isTokenOf, tokenFrom } from "../certificates/device-token.ts";
import { derOf } from "../registry/certificates.ts";
import type { Certificate } from "../registry/device-rows.ts";
import {
  admit,
  badTokenRefusal,
  type Credentials,
  type IdentifiedDevice,
  insecureRefusal,
  isRefusal,
  type Refusal,
  refusal,
  unidentifiedRefusal,
} from "../registry/identity.ts";
import { loadDevice } from "../registry/lookups.ts";
import { findNamedDevice } from "../registry/named-device.ts";
import { identifyByCertificate } from "./identify-certificate.ts";
import { proveCertificate } from "./prove-certificate.ts";

/**
 * Identifies the device of a connection and checks that it may connect (specification 5.2). If the client presented
 * a certificate, the certificate decides; the names sent only choose among the devices that it may identify.
 * Otherwise the client identifier names the device, else the user name; then the device must allow insecure
 * connections, or the password must be a token signed by the key of the device's certificate.
 *
 * The result may be outdated when it is used: `deviceConnected` checks again in its transaction.
 */
export async function identifyDevice(deps: Deps, credentials: Credentials): Promise<IdentifiedDevice | Refusal> {
  if (credentials.certificates.length > 0) {
    const outcome = await identifyByCertificate(deps, credentials);
    if ("reason" in outcome && outcome.hubId === null) return { ...outcome, hubId: namedHub(deps, credentials) };
    return outcome;
  }
  const named = deps.store.read((reader) => findNamedDevice(reader, credentials));
  if (!named) return unidentifiedRefusal();
  const { device, hub } = named;
  if (!hub) return refusal("hub_not_ready", "hub is deleted", { device, hub: { id: device.hubId } });
  const token = tokenFrom(credentials.password);
  const claimed = { ...named, hub, provisioned: false };
  if (token === undefined)
    return device.allowInsecure ? admit({ ...claimed, secure: false }) : insecureRefusal(claimed);
  const signed = await identifyByToken(deps, claimed, token);
  if (signed && isRefusal(signed)) return signed;
  // A device that allows insecure connections may send any password.
  if (!signed && !device.allowInsecure) return badTokenRefusal(claimed);
  const now = deps.store.read((reader) => loadDevice(reader, device.id));
  const proved =
    signed !== undefined && now?.device.certificate?.fingerprint === signed.device.certificate?.fingerprint;
  return now && now.hub.id === hub.id && (proved || now.device.allowInsecure)
    ? admit({ ...claimed, ...now, secure: proved })
    : badTokenRefusal(claimed);
}

/** The device that signed a token. If the key is that of its pending certificate, the token proves that certificate. */
async function identifyByToken(deps: Deps, claimed: Omit<IdentifiedDevice, "secure">, token: string) {
  const { device } = claimed;
  const secure = { ...claimed, secure: true };
  if (await isTokenOf(deps, token, device, device.certificate)) {
    return device.certificateProven ? secure : ((await prove(deps, secure, device.certificate)) ?? secure);
  }
  if (!(await isTokenOf(deps, token, device, device.pendingCertificate))) return undefined;
  return prove(deps, secure, device.pendingCertificate);
}

/**
 * Proves the certificate of the named device. Returns the updated device, or a refusal; undefined if the certificate
 * cannot be read, or this device may not prove it.
 */
async function prove(deps: Deps, claimed: IdentifiedDevice, certificate: Certificate | null) {
  const admitted = admit(claimed);
  const leaf = certificate && (await readPresented(derOf(certificate.pem), deps.clock.now()));
  if (isRefusal(admitted) || !leaf) return isRefusal(admitted) ? admitted : undefined;
  const proven = await proveCertificate(deps, claimed, leaf);
  return proven && { ...claimed, ...proven };
}

/**
 * Returns the hub of the device that the connection names, or null. A refusal is shown in that hub, because an
 * operator looks there for its reason.
 */
const namedHub = ({ store }: Deps, credentials: Credentials): string | null =>
  store.read((reader) => findNamedDevice(reader, credentials))?.hub?.id ?? null;
