import { userCommand } from "../../access/model/user-command.ts";
import { type Hub, saveHub } from "../registry/hub-rows.ts";
import { recordHub } from "../registry/journal.ts";
import { getHub } from "../registry/lookups.ts";

/** Lets the devices of a hub connect; once is as good as twice (specification 4.2). */
export const enableHub = userCommand("enable_hub", (tx, actor, { id }: { id: string }): Hub => {
  const hub = { ...getHub(tx, actor, id), enabled: true, updatedAt: tx.now };
  saveHub(tx, hub);
  recordHub(tx, actor, "hub.enabled", hub);
  return hub;
});
