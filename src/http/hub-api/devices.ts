import { z } from "zod";
import { createDevice } from "../../hub/devices/create-device.ts";
import { deleteDevice } from "../../hub/devices/delete-device.ts";
import { disableDevice } from "../../hub/devices/disable-device.ts";
import { enableDevice } from "../../hub/devices/enable-device.ts";
import { listDevices } from "../../hub/devices/list-devices.ts";
import { updateDevice } from "../../hub/devices/update-device.ts";
import { DEVICE_SERIES, MetricsView, readMetrics } from "../../hub/metrics/metrics.ts";
import {
  CreateDeviceBody,
  DEVICE_ORDERS,
  DEVICE_STATUSES,
  DeviceListView,
  DeviceView,
  NewDeviceView,
  UpdateDeviceBody,
  viewDevice,
} from "../../hub/registry/device-schema.ts";
import { getDevice } from "../../hub/registry/lookups.ts";
import { ALLOW_ALL_TOPICS, withRules } from "../../hub/registry/message-filters.ts";
import { Id, optionalProtobufEnum } from "../../hub/registry/wire.ts";
import { operation } from "../operation.ts";
import { NOT_IN_ACCOUNT } from "./errors.ts";
import { pageFrom, pageQuery, queryDate, queryFlag, queryText } from "./query.ts";

export const DevicePath = z.object({ device_id: Id });
export const NoBody = z.object({});

export const deviceOperations = [
  operation("list_devices", {
    method: "get",
    path: "/devices",
    summary: "List devices",
    query: z.object({
      ...pageQuery(DEVICE_ORDERS),
      name: queryText,
      hub_id: queryText,
      allow_insecure: queryFlag,
      status: optionalProtobufEnum(DEVICE_STATUSES, "unknown"),
    }),
    ok: { status: 200, view: DeviceListView },
    serve: async ({ deps, actor, query }) => {
      const { name, hub_id: hubId, allow_insecure: allowInsecure, status } = query;
      const asked = { name, hubId, allowInsecure, status, page: pageFrom(query) };
      const { items, totalCount } = await listDevices(deps, actor, asked);
      return { total_count: totalCount, devices: items.map((device) => viewDevice(deps, device)) };
    },
  }),
  operation("create_device", {
    method: "post",
    path: "/devices",
    summary: "Create a device, with its twin and a certificate whose key is shown only once",
    body: CreateDeviceBody,
    refusals: { 404: NOT_IN_ACCOUNT },
    ok: { status: 200, view: NewDeviceView },
    serve: async ({ deps, actor, body }) => {
      const { device, issued } = await createDevice(deps, actor, {
        hubId: body.hub_id,
        name: body.name,
        description: body.description ?? "",
        allowInsecure: body.allow_insecure ?? false,
        allowMultipleConnections: body.allow_multiple_connections ?? false,
        messageFilters: withRules(ALLOW_ALL_TOPICS, body.message_filters ?? undefined),
      });
      const certificate = issued && { certificate: { crt: issued.pem, key: issued.key } };
      return { device: viewDevice(deps, device), ...certificate };
    },
  }),
  operation("get_device", {
    method: "get",
    path: "/devices/{device_id}",
    summary: "Get a device",
    params: DevicePath,
    ok: { status: 200, view: DeviceView },
    serve: ({ deps, actor, params }) =>
      viewDevice(
        deps,
        deps.store.read((reader) => getDevice(reader, actor, params.device_id)),
      ),
  }),
  operation("update_device", {
    method: "patch",
    path: "/devices/{device_id}",
    summary: "Change a device",
    params: DevicePath,
    body: UpdateDeviceBody,
    ok: { status: 200, view: DeviceView },
    serve: async ({ deps, actor, params, body }) => {
      const changes = {
        description: body.description ?? undefined,
        allowInsecure: body.allow_insecure ?? undefined,
        allowMultipleConnections: body.allow_multiple_connections ?? undefined,
        hubId: body.hub_id ?? undefined,
      };
      const input = { id: params.device_id, changes, rules: body.message_filters ?? undefined };
      return viewDevice(deps, await deps.store.write(updateDevice, actor, input));
    },
  }),
  operation("enable_device", {
    method: "post",
    path: "/devices/{device_id}/enable",
    summary: "Enable a device",
    params: DevicePath,
    body: NoBody,
    ok: { status: 200, view: DeviceView },
    serve: async ({ deps, actor, params }) =>
      viewDevice(deps, await deps.store.write(enableDevice, actor, { id: params.device_id })),
  }),
  operation("disable_device", {
    method: "post",
    path: "/devices/{device_id}/disable",
    summary: "Disable a device",
    params: DevicePath,
    body: NoBody,
    ok: { status: 200, view: DeviceView },
    serve: async ({ deps, actor, params }) =>
      viewDevice(deps, await deps.store.write(disableDevice, actor, { id: params.device_id })),
  }),
  operation("delete_device", {
    method: "delete",
    path: "/devices/{device_id}",
    summary: "Delete a device and its documents, and terminate its twin",
    params: DevicePath,
    ok: { status: 204 },
    serve: ({ deps, actor, params }) => deps.store.write(deleteDevice, actor, { id: params.device_id }),
  }),
  operation("get_device_metrics", {
    method: "get",
    path: "/devices/{device_id}/metrics",
    summary: "Messages and activity of a device",
    params: DevicePath,
    query: z.object({ start_date: queryDate }),
    ok: { status: 200, view: MetricsView },
    serve: ({ deps, actor, params, query }) => {
      const { id } = deps.store.read((reader) => getDevice(reader, actor, params.device_id));
      return readMetrics(deps, id, DEVICE_SERIES, query.start_date);
    },
  }),
];
