import type { UserActor } from "../kernel/actor.ts";
import type { Reader } from "../store/sql.ts";
import { listDeviceRows } from "./device-rows.ts";
import { mayTouchDevice } from "./lookups.ts";
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
  if (actor.rules.twin === null) return listDeviceRows(reader, filters, { ...page, orderBy });
  // A rule is no SQL: all are asked, and the page is cut from those that are let through.
  const all = listDeviceRows(reader, filters, { ...page, orderBy, page: 1, pageSize: Number.MAX_SAFE_INTEGER });
  const items = all.items.filter(({ id }) => mayTouchDevice(reader, actor, id));
  const start = (page.page - 1) * page.pageSize;
  return { items: items.slice(start, start + page.pageSize), totalCount: items.length };
}
