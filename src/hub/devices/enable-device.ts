import { userCommand } from "../../access/model/user-command.ts";
import { type Device, saveDevice } from "../registry/device-rows.ts";
import { recordDevice } from "../registry/journal.ts";
import { getDevice } from "../registry/lookups.ts";

/** Lets a device connect; once is as good as twice (specification 4.3). */
export const enableDevice = userCommand("enable_device", (tx, actor, { id }: { id: string }): Device => {
  const device = { ...getDevice(tx, actor, id), enabled: true, updatedAt: tx.now };
  saveDevice(tx, device);
  recordDevice(tx, actor, "device.enabled", device);
  return device;
});
