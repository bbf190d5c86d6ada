import { userCommand } from "../../access/model/user-command.ts";
import { type Hub, saveHub } from "../registry/hub-rows.ts";
import { recordHub } from "../registry/journal.ts";
import { getHub } from "../registry/lookups.ts";

/**
 * Disconnects the devices of a hub and refuses their connections. Their documents are served as before (specification
 * 4.2).
 */
export const disableHub = userCommand("disable_hub", (tx, actor, { id }: { id: string }): Hub => {
  const hub = { ...getHub(tx, actor, id), enabled: false, updatedAt: tx.now };
  saveHub(tx, hub);
  recordHub(tx, actor, "hub.disabled", hub);
  return hub;
});
