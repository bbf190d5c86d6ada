import { CreateTokenBody, RefreshedTokenView, RefreshTokenBody, TokenView } from "../../access/model/schema.ts";
import { permitTokenCreation, permitTokenRefresh } from "../../access/model/statement.ts";
import { createUserToken } from "../../access/secrets/create-user-token.ts";
import { refreshUserToken } from "../../access/secrets/refresh-user-token.ts";
import { toSecondsOrNull } from "../../kernel/schema.ts";
import { operation } from "../operation.ts";

export const tokenOperations = [
  operation(
    "create_user_token",
    {
      method: "post",
      path: "/token",
      summary: "Create a token that stands in for the caller's secret",
      body: CreateTokenBody,
      ok: { status: 201, view: TokenView },
      serve: async ({ deps, actor, body }) => {
        const { token, jwt } = await createUserToken(deps, actor, {
          options: [...new Set(body.options ?? [])],
          secretDict: body.secret_dict ?? null,
          expiresAt: body.validity_ts,
        });
        return { token: jwt, options: token.options, validity_ts: toSecondsOrNull(token.expiresAt) };
      },
    },
    permitTokenCreation,
  ),
  operation(
    "refresh_user_token",
    {
      method: "post",
      path: "/token/refresh",
      summary: "Create a token like the caller's, with another validity",
      body: RefreshTokenBody,
      ok: { status: 201, view: RefreshedTokenView },
      serve: async ({ deps, actor, body }) => {
        const { token, jwt } = await refreshUserToken(deps, actor, body.validity_ts);
        return { token: jwt, validity_ts: toSecondsOrNull(token.expiresAt) };
      },
    },
    permitTokenRefresh,
  ),
];
