import { userCommand } from "../../access/model/user-command.ts";
import { type Hub, saveHub } from "../registry/hub-rows.ts";
import { recordHub } from "../registry/journal.ts";
import { getHub } from "../registry/lookups.ts";

/** Allows the devices of a hub to connect; idempotent (specification 4.2). */
export const enableHub = userCommand("enable_hub", (tx, actor, { id }: { id: string }): Hub => {
  const hub = { ...getHub(tx, actor, id), enabled: true, updatedAt: tx.now };
  saveHub(tx, hub);
  recordHub(tx, actor, "hub.enabled", hub);
  return hub;
});
