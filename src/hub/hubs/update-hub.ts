import { userCommand } from "../../access/model/user-command.ts";
import { conflict } from "../../kernel/failure.ts";
import { omitUndefined } from "../../kernel/omit-undefined.ts";
import { type Hub, type ProductPlan, saveHub } from "../registry/hub-rows.ts";
import { recordHub } from "../registry/journal.ts";
import { getHub } from "../registry/lookups.ts";

type Changes = {
  name?: string | undefined;
  productPlan?: ProductPlan | undefined;
  disableEvents?: boolean | undefined;
  eventsTopicPrefix?: string | undefined;
  autoProvisioning?: boolean | undefined;
  graphiteSealed?: string | undefined;
};

/**
 * Changes a hub; absent members keep their values. The plan of an enabled hub cannot change, and auto-provisioning
 * requires a customer's own CA (specification 4.2).
 */
export const updateHub = userCommand(
  "update_hub",
  (tx, actor, { id, changes }: { id: string; changes: Changes }): Hub => {
    const hub = getHub(tx, actor, id);
    const changed = { ...hub, ...omitUndefined(changes), updatedAt: tx.now };
    if (changed.productPlan !== hub.productPlan && hub.enabled) {
      throw conflict("precondition", "The plan of a hub can only change while the hub is disabled.");
    }
    if (changed.autoProvisioning && hub.caKeySealed !== null) {
      throw conflict("precondition", "Auto-provisioning needs a custom CA.");
    }
    saveHub(tx, changed);
    recordHub(tx, actor, "hub.updated", changed);
    return changed;
  },
);
