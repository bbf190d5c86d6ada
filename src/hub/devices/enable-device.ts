import { userCommand } from "../../access/model/user-command.ts";
import { type Device, saveDevice } from "../registry/device-rows.ts";
import { recordDevice } from "../registry/journal.ts";
import { getDevice } from "../registry/lookups.ts";

/** Allows a device to connect; idempotent (specification 4.3). */
export const enableDevice = userCommand("enable_device", (tx, actor, { id }: { id: string }): Device => {
  const device = { ...getDevice(tx, actor, id), enabled: true, updatedAt: tx.now };
  saveDevice(tx, device);
  recordDevice(tx, actor, "device.enabled", device);
  return device;
});
