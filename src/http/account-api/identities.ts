import { z } from "zod";
import { createTwinIdentities } from "../../identities/create-twin-identity.ts";
import { deleteTwinIdentity } from "../../identities/delete-twin-identity.ts";
import { getTwinIdentities } from "../../identities/get-twin-identities.ts";
import { getTwinIdentity } from "../../identities/get-twin-identity.ts";
import { resolveTwinIdentity } from "../../identities/resolve-twin-identity.ts";
import {
  CreateIdentitiesBody,
  IdentitiesView,
  IdentityBody,
  IdentityName,
  IdentityView,
  NewIdentitiesView,
  ResolvedView,
  viewIdentities,
  viewIdentity,
} from "../../identities/schema.ts";
import { updateTwinIdentity } from "../../identities/update-twin-identity.ts";
import { withRawJson, writeArray, writeJson } from "../../kernel/json-text.ts";
import { Uuid } from "../../kernel/schema.ts";
import { compileRule } from "../../rules/rule.ts";
import { viewTwin } from "../../twins/schema.ts";
import { operation, Paged } from "../operation.ts";
import { queryAccountOrBoolean, queryBoolean, queryContext, queryPage } from "../query.ts";

const TwinPath = z.object({ twin: Uuid });
const IdentityPath = z.object({ twin: Uuid, identity: IdentityName });

export const identityOperations = [
  operation("get_twin_identities", {
    method: "get",
    path: "/twins/{twin}/identities",
    summary: "List the identities of a twin",
    params: TwinPath,
    query: z.object({
      show_expired: queryBoolean(false),
      show_valid: queryBoolean(true),
      show_personal: queryBoolean(true),
      show_foreign: queryAccountOrBoolean(false),
      show_public: queryBoolean(true),
      show_private: queryBoolean(true),
      ...queryPage,
    }),
    ok: { status: 200, view: IdentitiesView },
    serve: async ({ deps, actor, params, query }) => {
      const { items, cursor } = await getTwinIdentities(deps, actor, params.twin, query);
      return new Paged(viewIdentities(items, actor.accountId), cursor);
    },
  }),
  operation("create_twin_identity", {
    method: "post",
    path: "/twins/{twin}/identities",
    summary: "Give a twin identities of the account",
    params: TwinPath,
    body: CreateIdentitiesBody,
    ok: { status: 201, view: NewIdentitiesView },
    serve: async ({ deps, actor, params, body }) => {
      const input = { twinId: params.twin, identities: body.identities };
      const outcomes = await createTwinIdentities(deps, actor, input);
      const items = outcomes.map(([name, outcome]) => [name, "error" in outcome ? outcome : viewIdentity(outcome)]);
      return { identities: Object.fromEntries(items) };
    },
  }),
  operation("get_twin_identity", {
    method: "get",
    path: "/twins/{twin}/identities/{identity}",
    summary: "Get an identity of the account",
    params: IdentityPath,
    ok: { status: 200, view: IdentityView },
    serve: ({ deps, actor, params }) =>
      viewIdentity(deps.store.read((reader) => getTwinIdentity(reader, actor, params.twin, params.identity))),
  }),
  operation("update_twin_identity", {
    method: "patch",
    path: "/twins/{twin}/identities/{identity}",
    summary: "Change an identity of the account",
    params: IdentityPath,
    body: IdentityBody,
    ok: { status: 200, view: IdentityView },
    serve: async ({ deps, actor, params, body }) => {
      if (body.visibility) compileRule(body.visibility);
      const changes = { expiresAt: body.validity_ts, visibility: body.visibility };
      const input = { twinId: params.twin, name: params.identity, changes };
      return viewIdentity(await deps.store.write(updateTwinIdentity, actor, input));
    },
  }),
  operation("delete_twin_identity", {
    method: "delete",
    path: "/twins/{twin}/identities/{identity}",
    summary: "Delete an identity of the account",
    params: IdentityPath,
    ok: { status: 200, view: IdentityView },
    serve: async ({ deps, actor, params }) =>
      viewIdentity(await deps.store.write(deleteTwinIdentity, actor, { twinId: params.twin, name: params.identity })),
  }),
  operation("resolve_twin_identity", {
    method: "get",
    path: "/resolve/{identity}",
    summary: "Find the twins that an identity names",
    params: z.object({ identity: IdentityName }),
    query: z.object({ context: queryContext("personal"), details: queryBoolean(false), ...queryPage }),
    ok: { status: 200, view: ResolvedView },
    serve: async ({ deps, actor, params, query }) => {
      const wish = { ...query, visibleTwins: query.details };
      const { items, cursor } = await resolveTwinIdentity(deps, actor, params.identity, wish);
      if (!query.details) return new Paged({ twins: items.map(({ id }) => id) }, cursor);
      return new Paged(withRawJson({}, { twins: writeArray(items.map((twin) => writeJson(viewTwin(twin)))) }), cursor);
    },
  }),
];
