import { conflict, overQuota } from "../../kernel/failure.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { findDeviceIdByName } from "./device-rows.ts";
import type { Hub } from "./hub-rows.ts";

/** The documented limit of every plan (specification 5.5). */
export const DEVICES_PER_HUB_MAX = 10_000;

/** Refuses a device beyond the hub's limit, or with a name that the hub already has. */
export function assertHubAccepts(reader: Reader, { id, deviceCount }: Hub, name: string): void {
  if (deviceCount >= DEVICES_PER_HUB_MAX) {
    const message = `A hub has at most ${DEVICES_PER_HUB_MAX} devices.`;
    throw overQuota(message, { resource: "iot_devices", quota: DEVICES_PER_HUB_MAX, current: deviceCount });
  }
  const namesake = findDeviceIdByName(reader, id, name);
  if (namesake) {
    throw conflict("exists", "A device of the hub has this name.", { resource: "device", id: namesake });
  }
}
