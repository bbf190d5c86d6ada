import { userCommand } from "../../access/model/user-command.ts";
import type { Deps } from "../../deps.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { conflict } from "../../kernel/failure.ts";
import { hasCa, saveCaTurn } from "../registry/ca-rows.ts";
import { type CustomCa, readCa } from "../registry/certificates.ts";
import { dropIssuedCertificates } from "../registry/device-rows.ts";
import { type Hub, saveHub } from "../registry/hub-rows.ts";
import { recordHub } from "../registry/journal.ts";
import { getHub } from "../registry/lookups.ts";

export const saveCa = userCommand("set_hub_ca", (tx, actor, { id, ca }: { id: string; ca: CustomCa }): Hub => {
  const hub = getHub(tx, actor, id);
  if (hub.enabled) throw conflict("precondition", "The CA of a hub can only be set while the hub is disabled.");
  if (ca.fingerprint !== hub.caFingerprint && hasCa(tx, ca.fingerprint)) {
    const obstacle = { resource: "hub_ca", id: ca.fingerprint };
    throw conflict("exists", "Another hub has this CA.", obstacle);
  }
  dropIssuedCertificates(tx, id);
  const stored = {
    caPem: ca.pem,
    caFingerprint: ca.fingerprint,
    caKeySealed: null,
    caSubject: ca.subject,
    caKeyId: ca.keyId,
  };
  const changed = { ...hub, ...stored, updatedAt: tx.now };
  saveHub(tx, changed);
  saveCaTurn(tx, id);
  recordHub(tx, actor, "hub.ca_set", changed);
  return changed;
});

/**
 * Replaces the CA of a disabled hub with the customer's own, permanently; certificates that we issued for its devices
 * are removed. Refuses a CA that another hub has, and a challenge that does not prove possession of its key
 * (specification 4.2).
 */
export async function setHubCa(deps: Deps, actor: UserActor, id: string, caPem: string, challengePem: string) {
  deps.store.read((reader) => getHub(reader, actor, id));
  const ca = await readCa(deps.clock.now(), id, caPem, challengePem);
  return deps.store.write(saveCa, actor, { id, ca });
}
