import { userCommand } from "../access/user-command.ts";
import { type Device, saveDevice } from "./device-rows.ts";
import { recordDevice } from "./journal.ts";
import { getDevice } from "./lookups.ts";

/** Lets a device connect; once is as good as twice (specification 4.3). */
export const enableDevice = userCommand("enable_device", (tx, actor, { id }: { id: string }): Device => {
  const device = { ...getDevice(tx, actor, id), enabled: true, updatedAt: tx.now };
  saveDevice(tx, device);
  recordDevice(tx, actor, "device.enabled", device);
  return device;
});
