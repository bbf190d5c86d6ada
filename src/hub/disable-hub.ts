import { userCommand } from "../access/user-command.ts";
import { type Hub, saveHub } from "./hub-rows.ts";
import { recordHub } from "./journal.ts";
import { getHub } from "./lookups.ts";

/** Disconnects the devices of a hub and keeps them out. Their documents are served as before (specification 4.2). */
export const disableHub = userCommand("disable_hub", (tx, actor, { id }: { id: string }): Hub => {
  const hub = { ...getHub(tx, actor, id), enabled: false, updatedAt: tx.now };
  saveHub(tx, hub);
  recordHub(tx, actor, "hub.disabled", hub);
  return hub;
});
