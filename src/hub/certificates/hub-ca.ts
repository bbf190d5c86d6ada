import type { Deps } from "../../deps.ts";
import { caLabel } from "../registry/ca-rows.ts";
import { createCa, type IssuedCertificate, issueCertificate } from "../registry/certificates.ts";
import type { Hub } from "../registry/hub-rows.ts";

/** Creates a CA for a new hub, with its key sealed. */
export async function createHubCa({ store, clock, random }: Deps, hubId: string) {
  const { pem, fingerprint, key } = await createCa({ now: clock.now(), random }, hubId);
  return { caPem: pem, caFingerprint: fingerprint, caKeySealed: store.vault.seal(caLabel(hubId), key) };
}

/**
 * Issues a device certificate by the hub's CA; undefined for a hub with a customer's own CA, whose key only the
 * customer has.
 */
export async function issueFor(
  { store, clock, random }: Deps,
  hub: Hub,
  name: string,
): Promise<IssuedCertificate | undefined> {
  if (hub.caKeySealed === null) return undefined;
  const ca = { pem: hub.caPem, key: store.vault.open(caLabel(hub.id), hub.caKeySealed) };
  return issueCertificate({ now: clock.now(), random }, ca, name);
}
