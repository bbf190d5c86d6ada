import type { Deps } from "../../deps.ts";
import { SYSTEM } from "../../kernel/actor.ts";
import { DomainError } from "../../kernel/failure.ts";
import { command } from "../../store/sqlite/command.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { create } from "../../twins/create-twin.ts";
import { assertHubAccepts } from "../registry/device-quota.ts";
import { type Device, findDeviceIdByName, findDeviceRow, insertDevice } from "../registry/device-rows.ts";
import { findHubRow, type Hub } from "../registry/hub-rows.ts";
import { admit, type IdentifiedDevice, type Refusal, refusal, unidentifiedRefusal } from "../registry/identity.ts";
import { recordDevice } from "../registry/journal.ts";
import { ALLOW_ALL_TOPICS } from "../registry/message-filters.ts";

type Input = { id: string; hubId: string; caFingerprint: string; name: string; peer: string };
type Provisioned = { device: Device; hub: Hub; isNew: boolean };

/**
 * Inserts the device and its twin, or returns the device of this name that exists by now. Returns null if the hub is
 * deleted or disabled, has another CA or no longer provisions devices, or if the existing device has a certificate.
 */
export const insertProvisionedDevice = command("provision_device", (tx, actor, input: Input): Provisioned | null => {
  const hub = findHubRow(tx, input.hubId);
  if (!hub?.enabled || hub.caFingerprint !== input.caFingerprint) return null;
  const known = findDeviceIdByName(tx, hub.id, input.name);
  if (known !== undefined) {
    // Another connection or a user may have created the device first, and a user may have given it a certificate of its
    // own.
    const device = findDeviceRow(tx, known) as Device;
    return device.certificate ? null : { device, hub, isNew: false };
  }
  if (!hub.autoProvisioning) return null;
  assertHubAccepts(tx, hub, input.name);
  const device = newDevice(tx, hub, input);
  create(tx, actor, {
    id: device.id,
    ownerId: hub.accountId,
    creatorId: hub.accountId,
    description: null,
    createdAt: tx.now,
    updatedAt: tx.now,
    termination: null,
  });
  insertDevice(tx, device);
  recordDevice(tx, actor, "device.created", device);
  return { device, hub, isNew: true };
});

const newDevice = (tx: Tx, hub: Hub, { id, name, peer }: Input): Device => ({
  id,
  accountId: hub.accountId,
  hubId: hub.id,
  name,
  description: `Provisioned automatically when it connected from ${peer}`,
  enabled: true,
  allowInsecure: false,
  allowMultipleConnections: false,
  messageFilters: ALLOW_ALL_TOPICS,
  certificate: null,
  hasCustomCertificate: false,
  certificateProven: true,
  pendingCertificate: null,
  isConnected: false,
  lastActivityAt: 0,
  createdAt: tx.now,
  updatedAt: tx.now,
});

/**
 * Creates a device and its twin for a client whose name the hub's CA vouches for and no device has yet (specification
 * 4.9). Two concurrent connections get the same device.
 */
export async function provisionDevice(
  deps: Deps,
  hub: Hub,
  name: string,
  peer: string,
): Promise<IdentifiedDevice | Refusal> {
  const input = { id: deps.random.uuid(), hubId: hub.id, caFingerprint: hub.caFingerprint, name, peer };
  try {
    const owner = { account: hub.accountId, member: hub.id };
    const provisioned = await deps.store.write(insertProvisionedDevice, SYSTEM, input, owner);
    if (!provisioned) return unidentifiedRefusal({ hub, secure: true });
    const { isNew, ...found } = provisioned;
    return admit({ ...found, by: "certificate", secure: true, provisioned: isNew });
  } catch (error) {
    if (error instanceof DomainError && error.failure.code === "limited" && error.failure.kind === "quota") {
      return refusal("hub_full", "could not identify device", { hub, secure: true });
    }
    throw error;
  }
}
