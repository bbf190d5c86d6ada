import { userCommand } from "../../access/model/user-command.ts";
import { omitUndefined } from "../../kernel/omit-undefined.ts";
import { assertHubAccepts } from "../registry/device-quota.ts";
import { type Device, saveDevice } from "../registry/device-rows.ts";
import { recordDevice } from "../registry/journal.ts";
import { getDevice, getHub } from "../registry/lookups.ts";
import { type FilterRule, withRules } from "../registry/message-filters.ts";

type Changes = {
  description?: string | undefined;
  allowInsecure?: boolean | undefined;
  allowMultipleConnections?: boolean | undefined;
  hubId?: string | undefined;
};
type Rules = { publish?: FilterRule | null | undefined; subscribe?: FilterRule | null | undefined };
type Input = { id: string; changes: Changes; rules?: Rules | undefined };

/**
 * Changes a device; absent members keep their values. A device that moves to another hub of the account keeps its
 * documents and its certificate (specification 4.3).
 */
export const updateDevice = userCommand("update_device", (tx, actor, { id, changes, rules }: Input): Device => {
  const device = getDevice(tx, actor, id);
  const messageFilters = withRules(device.messageFilters, rules);
  const changed = { ...device, ...omitUndefined(changes), messageFilters, updatedAt: tx.now };
  const moves = changed.hubId !== device.hubId;
  if (moves) assertHubAccepts(tx, getHub(tx, actor, changed.hubId), device.name);
  saveDevice(tx, changed);
  recordDevice(tx, actor, "device.updated", changed, moves ? device.hubId : undefined);
  return changed;
});
