import { permit } from "../../access/model/statement.ts";
import { userCommand } from "../../access/model/user-command.ts";
import type { Twin } from "../../twins/rows.ts";
import { terminateTwin } from "../../twins/terminate-twin.ts";
import { findDeviceRow } from "../registry/device-rows.ts";
import { endDevice } from "./end-device.ts";

/**
 * Terminates a twin. If the twin is a device, deletes the device too; then the role must permit that as well. The
 * code in `twins/` must not depend on devices, so this command is here, and the APIs call it instead of
 * `terminateTwin`.
 */
export const terminateAnyTwin = userCommand("terminate_twin", (tx, actor, { id }: { id: string }): Twin => {
  const found = findDeviceRow(tx, id);
  const device = found?.accountId === actor.accountId ? found : undefined;
  if (device) permit(actor, "delete_device");
  const twin = terminateTwin.run(tx, actor, { id });
  if (device) endDevice(tx, actor, device);
  return twin;
});
