import { z } from "zod";
import { createHub } from "../../hub/hubs/create-hub.ts";
import { deleteHub } from "../../hub/hubs/delete-hub.ts";
import { disableHub } from "../../hub/hubs/disable-hub.ts";
import { enableHub } from "../../hub/hubs/enable-hub.ts";
import { listHubs } from "../../hub/hubs/list-hubs.ts";
import { setHubCa } from "../../hub/hubs/set-hub-ca.ts";
import { updateHub } from "../../hub/hubs/update-hub.ts";
import { HUB_SERIES, MetricsView, readMetrics } from "../../hub/metrics/metrics.ts";
import {
  CreateHubBody,
  HUB_ORDERS,
  HubCaView,
  HubListView,
  HubView,
  SetHubCaBody,
  sealGraphite,
  UpdateHubBody,
  viewHub,
} from "../../hub/registry/hub-schema.ts";
import { getHub } from "../../hub/registry/lookups.ts";
import { Id } from "../../hub/registry/wire.ts";
import { operation } from "../operation.ts";
import { pageFrom, pageQuery, queryDate, queryFlag, queryText } from "./query.ts";

const HubPath = z.object({ hub_id: Id });
const NoBody = z.object({});

export const hubOperations = [
  operation("list_hubs", {
    method: "get",
    path: "/hubs",
    summary: "List hubs",
    query: z.object({
      ...pageQuery(HUB_ORDERS),
      project_id: queryText,
      organization_id: queryText,
      name: queryText,
    }),
    ok: { status: 200, view: HubListView },
    serve: ({ deps, actor, query }) => {
      const { name, project_id: project, organization_id: organization } = query;
      const asked = { name, project, organization, page: pageFrom(query) };
      const { items, totalCount } = deps.store.read((reader) => listHubs(reader, actor, asked));
      return { total_count: totalCount, hubs: items.map((hub) => viewHub(deps, hub)) };
    },
  }),
  operation("create_hub", {
    method: "post",
    path: "/hubs",
    summary: "Create a hub",
    body: CreateHubBody,
    ok: { status: 200, view: HubView },
    serve: async ({ deps, actor, body }) => {
      const hub = await createHub(deps, actor, {
        name: body.name,
        projectId: body.project_id,
        productPlan: body.product_plan,
        disableEvents: body.disable_events,
        eventsTopicPrefix: body.events_topic_prefix,
        graphitePushUri: body.twins_graphite_config?.push_uri,
      });
      return viewHub(deps, hub);
    },
  }),
  operation("get_hub", {
    method: "get",
    path: "/hubs/{hub_id}",
    summary: "Get a hub",
    params: HubPath,
    ok: { status: 200, view: HubView },
    serve: ({ deps, actor, params }) =>
      viewHub(
        deps,
        deps.store.read((reader) => getHub(reader, actor, params.hub_id)),
      ),
  }),
  operation("update_hub", {
    method: "patch",
    path: "/hubs/{hub_id}",
    summary: "Change a hub",
    params: HubPath,
    body: UpdateHubBody,
    ok: { status: 200, view: HubView },
    serve: async ({ deps, actor, params: { hub_id: id }, body }) => {
      const pushUri = body.twins_graphite_config?.push_uri;
      const changes = {
        name: body.name ?? undefined,
        productPlan: body.product_plan,
        disableEvents: body.disable_events ?? undefined,
        eventsTopicPrefix: body.events_topic_prefix ?? undefined,
        autoProvisioning: body.enable_device_auto_provisioning ?? undefined,
        graphiteSealed: pushUri === undefined ? undefined : sealGraphite(deps, id, pushUri),
      };
      return viewHub(deps, await deps.store.write(updateHub, actor, { id, changes }));
    },
  }),
  operation("enable_hub", {
    method: "post",
    path: "/hubs/{hub_id}/enable",
    summary: "Enable a hub",
    params: HubPath,
    body: NoBody,
    ok: { status: 200, view: HubView },
    serve: async ({ deps, actor, params }) =>
      viewHub(deps, await deps.store.write(enableHub, actor, { id: params.hub_id })),
  }),
  operation("disable_hub", {
    method: "post",
    path: "/hubs/{hub_id}/disable",
    summary: "Disable a hub",
    params: HubPath,
    body: NoBody,
    ok: { status: 200, view: HubView },
    serve: async ({ deps, actor, params }) =>
      viewHub(deps, await deps.store.write(disableHub, actor, { id: params.hub_id })),
  }),
  operation("delete_hub", {
    method: "delete",
    path: "/hubs/{hub_id}",
    summary: "Delete a hub, with its devices if asked to",
    params: HubPath,
    query: z.object({ delete_devices: queryFlag }),
    ok: { status: 204 },
    serve: ({ deps, actor, params, query }) => deleteHub(deps, actor, params.hub_id, query.delete_devices ?? false),
  }),
  operation("get_hub_metrics", {
    method: "get",
    path: "/hubs/{hub_id}/metrics",
    summary: "Messages and active devices of a hub",
    params: HubPath,
    query: z.object({ start_date: queryDate }),
    ok: { status: 200, view: MetricsView },
    serve: ({ deps, actor, params, query }) => {
      const { id } = deps.store.read((reader) => getHub(reader, actor, params.hub_id));
      return readMetrics(deps, id, HUB_SERIES, query.start_date);
    },
  }),
  operation("get_hub_ca", {
    method: "get",
    path: "/hubs/{hub_id}/ca",
    summary: "Get the certificate of the authority that signs the hub's devices",
    params: HubPath,
    ok: { status: 200, view: HubCaView },
    serve: ({ deps, actor, params }) => ({
      ca_cert_pem: deps.store.read((reader) => getHub(reader, actor, params.hub_id)).caPem,
    }),
  }),
  operation("set_hub_ca", {
    method: "post",
    path: "/hubs/{hub_id}/ca",
    summary: "Replace a disabled hub's certificate authority with one's own, permanently",
    params: HubPath,
    body: SetHubCaBody,
    ok: { status: 200, view: HubView },
    serve: async ({ deps, actor, params, body }) =>
      viewHub(deps, await setHubCa(deps, actor, params.hub_id, body.ca_cert_pem, body.challenge_cert_pem)),
  }),
];
