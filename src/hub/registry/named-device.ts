import type { Reader } from "../../store/sqlite/sql.ts";
import { type Device, findDeviceRow } from "./device-rows.ts";
import { findHubRow, type Hub } from "./hub-rows.ts";
import type { Credentials, IdentifiedDevice } from "./identity.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

type Named = { device: Device; hub: Hub | undefined; by: IdentifiedDevice["by"] };

/**
 * The device that a connection names: by its client identifier, else by its user name. Its hub is absent while it is
 * being deleted.
 */
export function findNamedDevice(
  reader: Reader,
  { clientId, userName }: Pick<Credentials, "clientId" | "userName">,
): Named | undefined {
  const byClientId = findById(reader, clientId);
  const device = byClientId ?? findById(reader, userName);
  if (!device) return undefined;
  return { device, hub: findHubRow(reader, device.hubId), by: byClientId ? "client_id" : "user_name" };
}

const findById = (reader: Reader, name: string | null) =>
  name !== null && UUID.test(name) ? findDeviceRow(reader, name.toLowerCase()) : undefined;
