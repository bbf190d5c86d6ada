import type { UserActor } from "../kernel/actor.ts";
import type { Reader } from "../store/sql.ts";
import { listDeviceRows } from "./device-rows.ts";
import type { Page } from "./page-rows.ts";

type Query = {
  name?: string | undefined;
  hubId?: string | undefined;
  allowInsecure?: boolean | undefined;
  status?: "error" | "enabled" | "disabled" | undefined;
  page: Page;
};

/** The devices of the caller's account, page by page (specification 4.3). None is ever in error. */
export function listDevices(reader: Reader, actor: UserActor, { name, hubId, allowInsecure, status, page }: Query) {
  if (status === "error") return { items: [], totalCount: 0 };
  const filters = {
    account_id: actor.accountId,
    hub_id: hubId,
    name,
    allow_insecure: allowInsecure,
    enabled: status && status === "enabled",
  };
  // A device that is disabled comes before one that is enabled, by either word.
  const orderBy = page.orderBy === "status" ? "enabled" : page.orderBy;
  return listDeviceRows(reader, filters, { ...page, orderBy });
}
