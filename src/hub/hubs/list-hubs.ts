import type { UserActor } from "../../kernel/actor.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { type Hub, listHubRows } from "../registry/hub-rows.ts";
import type { Page } from "../registry/page-rows.ts";

type Query = { name?: string | undefined; project?: string | undefined; organization?: string | undefined; page: Page };

/** The hubs of the caller's account, page by page; another account's project has none (specification 4.2). */
export function listHubs(reader: Reader, actor: UserActor, { name, project, organization, page }: Query) {
  for (const id of [project, organization]) {
    if (id !== undefined && id !== actor.accountId) return { items: [] as Hub[], totalCount: 0 };
  }
  // An enabled hub is `ready`, which sorts after `disabled`.
  const orderBy = page.orderBy === "status" ? "enabled" : page.orderBy;
  return listHubRows(reader, { account_id: actor.accountId, name }, { ...page, orderBy });
}
