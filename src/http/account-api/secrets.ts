import { z } from "zod";
import { getUser, getUserSecret } from "../../access/model/lookups.ts";
import { NewSecretView, PinView, SecretValidity, SecretView, viewSecret } from "../../access/model/schema.ts";
import { createUserSecret } from "../../access/secrets/create-user-secret.ts";
import { createUserSecretPin } from "../../access/secrets/create-user-secret-pin.ts";
import { deleteUserSecret } from "../../access/secrets/delete-user-secret.ts";
import type { PinThrottle } from "../../access/secrets/pin-throttle.ts";
import { updateUserSecret } from "../../access/secrets/update-user-secret.ts";
import { Uuid } from "../../kernel/schema.ts";
import { openOperation, operation } from "../operation.ts";

const UserPath = z.object({ user: Uuid });

export const secretOperations = (throttle: PinThrottle) => [
  operation("create_user_secret_pin", {
    method: "post",
    path: "/users/{user}/secrets",
    summary: "Create a PIN that can be exchanged for a new secret of the user",
    params: UserPath,
    body: SecretValidity,
    ok: { status: 201, view: PinView },
    serve: async ({ deps, actor, params, body }) => ({
      pin: await createUserSecretPin(deps, actor, params.user, body.validity_ts),
    }),
  }),
  openOperation("create_user_secret", {
    method: "post",
    path: "/secrets/{account}/{pin}",
    summary: "Exchange a PIN for a secret",
    params: z.object({ account: Uuid, pin: z.string() }),
    ok: { status: 201, view: NewSecretView },
    serve: async ({ deps, params: { account, pin }, address }) => {
      const takeBack = throttle.admit(account, address());
      const { secret, credentials } = await createUserSecret(deps, account, pin);
      takeBack();
      const { fingerprint, ...view } = viewSecret(account, secret);
      return { ...view, ...credentials };
    },
  }),
  operation("get_user_secret", {
    method: "get",
    path: "/users/{user}/secrets",
    summary: "Describe a user's secret, without showing it",
    params: UserPath,
    ok: { status: 200, view: SecretView },
    serve: ({ deps, actor, params }) => {
      const secret = deps.store.read((reader) => getUserSecret(reader, getUser(reader, actor, params.user)));
      return viewSecret(actor.accountId, secret);
    },
  }),
  operation("update_user_secret", {
    method: "patch",
    path: "/users/{user}/secrets",
    summary: "Change the validity of a user's secret",
    params: UserPath,
    body: SecretValidity,
    ok: { status: 200, view: SecretView },
    serve: async ({ deps, actor, params, body }) => {
      const input = { userId: params.user, expiresAt: body.validity_ts };
      return viewSecret(actor.accountId, await deps.store.write(updateUserSecret, actor, input));
    },
  }),
  operation("delete_user_secret", {
    method: "delete",
    path: "/users/{user}/secrets",
    summary: "Delete a user's secret",
    params: UserPath,
    ok: { status: 200, view: SecretView },
    serve: async ({ deps, actor, params }) =>
      viewSecret(actor.accountId, await deps.store.write(deleteUserSecret, actor, { userId: params.user })),
  }),
];
