import { userCommand } from "../../access/model/user-command.ts";
import type { Deps } from "../../deps.ts";
import type { UserActor } from "../../kernel/actor.ts";
import { createTwin } from "../../twins/create-twin.ts";
import { issueFor } from "../certificates/hub-ca.ts";
import { assertHubAccepts } from "../registry/device-quota.ts";
import { type Certificate, type Device, insertDevice } from "../registry/device-rows.ts";
import { recordDevice } from "../registry/journal.ts";
import { getHub } from "../registry/lookups.ts";
import type { MessageFilters } from "../registry/message-filters.ts";

type NewDevice = {
  hubId: string;
  name: string;
  description: string;
  allowInsecure: boolean;
  allowMultipleConnections: boolean;
  messageFilters: MessageFilters;
};

type Input = NewDevice & { id: string; certificate: Certificate | null };

/** Creates the twin too, so the role has to permit both. */
export const insertNewDevice = userCommand("create_device", (tx, actor, input: Input): Device => {
  const hub = getHub(tx, actor, input.hubId);
  assertHubAccepts(tx, hub, input.name);
  createTwin.run(tx, actor, { id: input.id, description: null });
  const device: Device = {
    ...input,
    // The hub may have received a customer's own CA while the certificate was being made.
    certificate: hub.caKeySealed === null ? null : input.certificate,
    accountId: actor.accountId,
    enabled: true,
    hasCustomCertificate: false,
    certificateProven: true,
    pendingCertificate: null,
    isConnected: false,
    lastActivityAt: 0,
    createdAt: tx.now,
    updatedAt: tx.now,
  };
  insertDevice(tx, device);
  recordDevice(tx, actor, "device.created", device);
  return device;
});

/**
 * Creates a device and its twin, with a certificate by the hub's CA whose key is returned only here; none under a
 * customer's own CA. Refuses a name that the hub already has (specification 4.3).
 */
export async function createDevice(deps: Deps, actor: UserActor, given: NewDevice) {
  const hub = deps.store.read((reader) => getHub(reader, actor, given.hubId));
  const issued = await issueFor(deps, hub, given.name);
  const certificate = issued ? { pem: issued.pem, fingerprint: issued.fingerprint } : null;
  const device = await deps.store.write(insertNewDevice, actor, { ...given, id: deps.random.uuid(), certificate });
  return { device, issued: device.certificate ? issued : undefined };
}
