import { permit } from "../../access/model/statement.ts";
import { userCommand } from "../../access/model/user-command.ts";
import type { Deps, Job } from "../../deps.ts";
import { type Actor, SYSTEM, type UserActor } from "../../kernel/actor.ts";
import { assert } from "../../kernel/assert.ts";
import { inUse } from "../../kernel/failure.ts";
import { command } from "../../store/sqlite/command.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { findTwin } from "../../twins/rows.ts";
import { terminate } from "../../twins/terminate-twin.ts";
import { endDevice } from "../devices/end-device.ts";
import { type Device, listDevicesOfHub } from "../registry/device-rows.ts";
import { deleteHubRow, findEndingHub, isHubBeingDeleted, markHubDeleted } from "../registry/hub-rows.ts";
import { recordHub } from "../registry/journal.ts";
import { getHub } from "../registry/lookups.ts";
import { deleteCounts } from "../registry/message-count-rows.ts";

/** Devices deleted in one transaction, so that callers never wait long behind it. */
const SLICE = 50;

type Input = { id: string; withDevices: boolean };

/** From here on the hub and its devices are absent for every caller; their rows are removed in slices. */
export const beginHubDeletion = userCommand("delete_hub", (tx, actor, { id, withDevices }: Input): null => {
  const hub = getHub(tx, actor, id);
  if (hub.deviceCount > 0) {
    if (!withDevices) throw inUse("The hub has devices; delete them, or ask for delete_devices=true.");
    permit(actor, "delete_device");
    permit(actor, "terminate_twin");
  }
  markHubDeleted(tx, id);
  recordHub(tx, actor, "hub.deleted", hub);
  return null;
});

/**
 * Deletes a slice of the devices of a hub that is being deleted, and the hub with the last of them. Returns how many.
 */
export const endHubSlice = command("end_hub_slice", (tx, actor, { id }: { id: string }): number => {
  if (!isHubBeingDeleted(tx, id)) return 0;
  const devices = listDevicesOfHub(tx, id, SLICE);
  for (const device of devices) terminateDevice(tx, actor, device);
  if (devices.length < SLICE) {
    deleteCounts(tx, id);
    deleteHubRow(tx, id);
  }
  return devices.length;
});

/**
 * Deletes a hub, with its devices if asked to; a hub with devices is refused otherwise. Resumes after a crash
 * (specification 4.2).
 */
export async function deleteHub(deps: Deps, actor: UserActor, id: string, withDevices: boolean): Promise<null> {
  await deps.store.write(beginHubDeletion, actor, { id, withDevices });
  await endHub(deps, actor, id);
  return null;
}

/** Finishes deletions of hubs that a crash cut short. Returns how many devices were deleted. */
async function finishHubDeletions(deps: Deps): Promise<number> {
  const id = deps.store.read(findEndingHub);
  return id === undefined ? 0 : 1 + (await endHub(deps, SYSTEM, id));
}

export const finishHubDeletionsJob: Job = {
  name: "finish_hub_deletions",
  schedule: "27 * * * *",
  run: async (deps) => {
    const done = await finishHubDeletions(deps);
    return { done, more: done > 0 };
  },
};

async function endHub({ store }: Deps, actor: Actor, id: string): Promise<number> {
  let done = 0;
  for (;;) {
    const ended = await store.write(endHubSlice, actor, { id });
    done += ended;
    if (ended < SLICE) return done;
  }
}

function terminateDevice(tx: Tx, actor: Actor, device: Device): void {
  const twin = findTwin(tx, device.id);
  assert(twin && !twin.termination, "a device has a living twin");
  terminate(tx, actor, twin);
  endDevice(tx, actor, device);
}
