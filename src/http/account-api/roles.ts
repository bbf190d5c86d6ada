import { z } from "zod";
import { getUserRoles } from "../../access/model/list-members.ts";
import { getUserRole } from "../../access/model/lookups.ts";
import {
  assertCompiles,
  ChangedRoleView,
  RoleBody,
  RolesView,
  RoleView,
  viewEnded,
  viewRole,
  viewRoles,
} from "../../access/model/schema.ts";
import { createUserRole } from "../../access/roles/create-user-role.ts";
import { deleteUserRole } from "../../access/roles/delete-user-role.ts";
import { updateUserRole } from "../../access/roles/update-user-role.ts";
import { NO_RULES } from "../../kernel/actor.ts";
import { Uuid } from "../../kernel/schema.ts";
import { operation, Paged } from "../operation.ts";
import { queryPage } from "../query.ts";

const RolePath = z.object({ role: Uuid });

/** The name of a role whose creator gives none (specification 2.5). */
const DEFAULT_NAME = "User Role Name";
const DEFAULT_STATEMENT = { effect: "deny" as const, actions: null };

export const roleOperations = [
  operation("get_user_roles", {
    method: "get",
    path: "/roles",
    query: z.object(queryPage),
    summary: "List the roles of the account",
    ok: { status: 200, view: RolesView },
    serve: ({ deps, actor, query }) => {
      const { items, cursor } = deps.store.read((reader) => getUserRoles(reader, actor, query));
      return new Paged(viewRoles(items), cursor);
    },
  }),
  operation("create_user_role", {
    method: "post",
    path: "/roles",
    summary: "Create a role",
    body: RoleBody,
    ok: { status: 201, view: RoleView },
    serve: async ({ deps, actor, body }) => {
      assertCompiles(body.rules);
      const name = body.name ?? DEFAULT_NAME;
      const statement = body.statement ?? DEFAULT_STATEMENT;
      const rules = { ...NO_RULES, ...body.rules };
      return viewRole(
        await deps.store.write(createUserRole, actor, { id: deps.random.uuid(), name, statement, rules }),
      );
    },
  }),
  operation("get_user_role", {
    method: "get",
    path: "/roles/{role}",
    summary: "Get a role",
    params: RolePath,
    ok: { status: 200, view: RoleView },
    serve: ({ deps, actor, params }) => viewRole(deps.store.read((reader) => getUserRole(reader, actor, params.role))),
  }),
  operation("update_user_role", {
    method: "patch",
    path: "/roles/{role}",
    summary: "Change a role",
    params: RolePath,
    body: RoleBody,
    ok: { status: 200, view: ChangedRoleView },
    serve: async ({ deps, actor, params, body }) => {
      assertCompiles(body.rules);
      const { name, statement, rules } = body;
      const changes = { name: name ?? undefined, statement: statement ?? undefined, rules };
      const { role, endedSecrets } = await deps.store.write(updateUserRole, actor, { id: params.role, changes });
      return { ...viewRole(role), ...viewEnded(endedSecrets) };
    },
  }),
  operation("delete_user_role", {
    method: "delete",
    path: "/roles/{role}",
    summary: "Delete a role; users who have it are locked out",
    params: RolePath,
    ok: { status: 200, view: RoleView },
    serve: async ({ deps, actor, params }) =>
      viewRole(await deps.store.write(deleteUserRole, actor, { id: params.role })),
  }),
];
