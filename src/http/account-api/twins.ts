import { z } from "zod";
import { terminateAnyTwin } from "../../hub/devices/terminate-any-twin.ts";
import { withRawJson, writeArray, writeJson } from "../../kernel/json-text.ts";
import { Uuid } from "../../kernel/schema.ts";
import { compileRule } from "../../rules/rule.ts";
import { createTwin } from "../../twins/create-twin.ts";
import { getTwin } from "../../twins/get-twin.ts";
import { scanTwinIds, scanTwins } from "../../twins/scan-twins.ts";
import { TwinBody, TwinScanView, TwinView, viewTwin } from "../../twins/schema.ts";
import { updateTwin } from "../../twins/update-twin.ts";
import { operation, Paged } from "../operation.ts";
import { queryBoolean, queryInteger } from "../query.ts";

const TwinPath = z.object({ twin: Uuid });

export const twinOperations = [
  operation("scan_twins", {
    method: "get",
    path: "/twins",
    summary: "List the twins that the account owns, in the order of their creation",
    query: z.object({
      cursor: z.string().optional(),
      count: queryInteger(1, 1000, 100),
      details: queryBoolean(false),
      match: z.string().optional(),
    }),
    ok: { status: 200, view: TwinScanView },
    serve: async ({ deps, actor, query }) => {
      const match = query.match ? compileRule(query.match) : undefined;
      if (!query.details && !match) {
        const { twins, cursor } = deps.store.read((reader) => scanTwinIds(reader, actor, query));
        return new Paged(withRawJson({ cursor }, { twins }), cursor);
      }
      const { twins, cursor } = await scanTwins(deps, actor, { ...query, match });
      if (!query.details) return new Paged({ cursor, twins: twins.map(({ id }) => id) }, cursor);
      const written = writeArray(twins.map((twin) => writeJson(viewTwin(twin))));
      return new Paged(withRawJson({ cursor }, { twins: written }), cursor);
    },
  }),
  operation("create_twin", {
    method: "post",
    path: "/twins",
    summary: "Create a twin",
    body: TwinBody,
    ok: { status: 201, view: TwinView },
    serve: async ({ deps, actor, body }) => {
      const input = { id: deps.random.uuid(), description: body.description ?? null };
      return viewTwin(await deps.store.write(createTwin, actor, input));
    },
  }),
  operation("get_twin", {
    method: "get",
    path: "/twins/{twin}",
    summary: "Get a twin of any account",
    params: TwinPath,
    query: z.object({ show_terminated: queryBoolean(true) }),
    ok: { status: 200, view: TwinView },
    serve: ({ deps, actor, params, query }) =>
      viewTwin(deps.store.read((reader) => getTwin(reader, actor, params.twin, query.show_terminated))),
  }),
  operation("update_twin", {
    method: "patch",
    path: "/twins/{twin}",
    summary: "Replace or remove the description of an own twin",
    params: TwinPath,
    body: TwinBody,
    ok: { status: 200, view: TwinView },
    serve: async ({ deps, actor, params, body }) =>
      viewTwin(await deps.store.write(updateTwin, actor, { id: params.twin, description: body.description })),
  }),
  operation("terminate_twin", {
    method: "delete",
    path: "/twins/{twin}",
    summary: "Terminate an own twin permanently",
    params: TwinPath,
    ok: { status: 200, view: TwinView },
    serve: async ({ deps, actor, params }) =>
      viewTwin(await deps.store.write(terminateAnyTwin, actor, { id: params.twin })),
  }),
];
