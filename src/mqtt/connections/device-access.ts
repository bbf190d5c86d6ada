import type { Device } from "../../hub/registry/device-rows.ts";
import type { Hub } from "../../hub/registry/hub-rows.ts";
import { type AccessFilters, compileFilters } from "../matching/access-filters.ts";
import type { Context } from "./context.ts";

/**
 * What a device may publish and receive. Filter entries with unknown templates are reported as events (specification
 * 4.4).
 */
export function accessOf({ events }: Context, device: Device, hub: Hub, proved: boolean): AccessFilters {
  const access = compileFilters(device, hub);
  for (const entry of access.unparsable) {
    const msg = `cannot parse message filter ${entry}`;
    events.emit(hub.id, { severity: "warn", objectType: "device", objectId: device.id, msg, proved });
  }
  return access;
}
