import { record } from "../journal/record.ts";
import type { JsonObject } from "../kernel/json.ts";
import { assertTablesExist, getAccount } from "./model/lookups.ts";
import { type Account, saveAccount } from "./model/rows.ts";
import { userCommand } from "./model/user-command.ts";

type Input = { resourceAccessLog?: JsonObject | null | undefined };

/** Changes the caller's account; absent fields stay. */
export const updateAccount = userCommand("update_account", (tx, actor, input: Input): Account => {
  const account = getAccount(tx, actor);
  if (input.resourceAccessLog === undefined) return account;
  assertTablesExist(input.resourceAccessLog);
  const changed = { ...account, resourceAccessLog: input.resourceAccessLog, updatedAt: tx.now };
  saveAccount(tx, changed);
  record(tx, actor, {
    kind: "account.updated",
    accountId: account.id,
    data: { resource_access_log: changed.resourceAccessLog },
  });
  return changed;
});
