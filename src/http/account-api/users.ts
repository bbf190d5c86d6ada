import { z } from "zod";
import { getUsers } from "../../access/model/list-members.ts";
import { getUser } from "../../access/model/lookups.ts";
import {
  ChangedUserView,
  CreateUserBody,
  UpdateUserBody,
  UsersView,
  UserView,
  viewEnded,
  viewUser,
  viewUsers,
} from "../../access/model/schema.ts";
import { createUser } from "../../access/users/create-user.ts";
import { deleteUser } from "../../access/users/delete-user.ts";
import { updateUser } from "../../access/users/update-user.ts";
import { Uuid } from "../../kernel/schema.ts";
import { operation, Paged } from "../operation.ts";
import { queryPage } from "../query.ts";

const UserPath = z.object({ user: Uuid });

export const userOperations = [
  operation("get_users", {
    method: "get",
    path: "/users",
    query: z.object(queryPage),
    summary: "List the users of the account",
    ok: { status: 200, view: UsersView },
    serve: ({ deps, actor, query }) => {
      const { items, cursor } = deps.store.read((reader) => getUsers(reader, actor, query));
      return new Paged(viewUsers(items), cursor);
    },
  }),
  operation("create_user", {
    method: "post",
    path: "/users",
    summary: "Create a user",
    body: CreateUserBody,
    ok: { status: 201, view: UserView },
    serve: async ({ deps, actor, body }) => {
      const { role: roleId, name = null, description = null, activity = null } = body;
      return viewUser(
        await deps.store.write(createUser, actor, { id: deps.random.uuid(), roleId, name, description, activity }),
      );
    },
  }),
  operation("get_user", {
    method: "get",
    path: "/users/{user}",
    summary: "Get a user",
    params: UserPath,
    ok: { status: 200, view: UserView },
    serve: ({ deps, actor, params }) => viewUser(deps.store.read((reader) => getUser(reader, actor, params.user))),
  }),
  operation("update_user", {
    method: "patch",
    path: "/users/{user}",
    summary: "Change a user",
    params: UserPath,
    body: UpdateUserBody,
    ok: { status: 200, view: ChangedUserView },
    serve: async ({ deps, actor, params, body }) => {
      const { role: roleId, ...rest } = body;
      const input = { id: params.user, changes: { roleId, ...rest } };
      const { user, endedSecrets } = await deps.store.write(updateUser, actor, input);
      return { ...viewUser(user), ...viewEnded(endedSecrets) };
    },
  }),
  operation("delete_user", {
    method: "delete",
    path: "/users/{user}",
    summary: "Delete a user with their secret",
    params: UserPath,
    ok: { status: 200, view: UserView },
    serve: async ({ deps, actor, params }) => viewUser(await deps.store.write(deleteUser, actor, { id: params.user })),
  }),
];
