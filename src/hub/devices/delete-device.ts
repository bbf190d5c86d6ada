import { userCommand } from "../../access/model/user-command.ts";
import { terminateTwin } from "../../twins/terminate-twin.ts";
import { getDevice } from "../registry/lookups.ts";
import { endDevice } from "./end-device.ts";

/**
 * Deletes a device for good: terminates its twin and removes its documents. The role has to permit both (specification
 * 4.3).
 */
export const deleteDevice = userCommand("delete_device", (tx, actor, { id }: { id: string }): null => {
  const device = getDevice(tx, actor, id);
  terminateTwin.run(tx, actor, { id });
  endDevice(tx, actor, device);
  return null;
});
