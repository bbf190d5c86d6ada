import { z } from "zod";
import { getAccount } from "../../access/model/lookups.ts";
import { AccountView, UpdateAccountBody, viewAccount, WhoAmIView } from "../../access/model/schema.ts";
import { assertNotLockedOut } from "../../access/model/statement.ts";
import { updateAccount } from "../../access/update-account.ts";
import { operation } from "../operation.ts";

export const accountOperations = [
  operation(
    "who_am_i",
    {
      method: "get",
      path: "/whoami",
      summary: "Get the caller's account, user and role",
      ok: { status: 200, view: WhoAmIView },
      serve: ({ actor }) => ({ account: actor.accountId, user: actor.userId, role: actor.roleId }),
    },
    assertNotLockedOut,
  ),
  operation(
    "trace",
    {
      method: "post",
      path: "/trace",
      summary: "Return an empty object",
      ok: { status: 201, view: z.object({}) },
      serve: () => ({}),
    },
    assertNotLockedOut,
  ),
  operation("get_account", {
    method: "get",
    path: "/account",
    summary: "Get the caller's account",
    ok: { status: 200, view: AccountView },
    serve: ({ deps, actor }) => viewAccount(deps.store.read((reader) => getAccount(reader, actor))),
  }),
  operation("update_account", {
    method: "patch",
    path: "/account",
    summary: "Change the caller's account",
    body: UpdateAccountBody,
    ok: { status: 200, view: AccountView },
    serve: async ({ deps, actor, body }) =>
      viewAccount(await deps.store.write(updateAccount, actor, { resourceAccessLog: body.resource_access_log })),
  }),
];
