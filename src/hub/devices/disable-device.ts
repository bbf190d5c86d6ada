import { userCommand } from "../../access/model/user-command.ts";
import { type Device, saveDevice } from "../registry/device-rows.ts";
import { recordDevice } from "../registry/journal.ts";
import { getDevice } from "../registry/lookups.ts";

/** Disconnects a device and refuses its connections. Its documents are served as before (specification 4.3). */
export const disableDevice = userCommand("disable_device", (tx, actor, { id }: { id: string }): Device => {
  const device = { ...getDevice(tx, actor, id), enabled: false, updatedAt: tx.now };
  saveDevice(tx, device);
  recordDevice(tx, actor, "device.disabled", device);
  return device;
});
