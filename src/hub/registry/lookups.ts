import type { UserActor } from "../../kernel/actor.ts";
import { notFound } from "../../kernel/failure.ts";
import { mayAccessTwin } from "../../policy/verdicts.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { findTwin } from "../../twins/rows.ts";
import { type Device, findDevice, findDeviceRow } from "./device-rows.ts";
import { findHub, findHubRow, type Hub } from "./hub-rows.ts";

/** A hub of the caller's account; another account's is not found, like one that does not exist. */
export function getHub(reader: Reader, actor: UserActor, id: string): Hub {
  const hub = findHub(reader, actor.accountId, id);
  if (!hub) throw notFound("Hub", id);
  return hub;
}

/** A device of the caller's account that their role permits; any other is not found, like one that does not exist. */
export function getDevice(reader: Reader, actor: UserActor, id: string): Device {
  const device = findDevice(reader, actor.accountId, id);
  if (!device || !isDevicePermitted(reader, actor, id)) throw notFound("Device", id);
  return device;
}

/** A device is a twin, and a role's twin rule applies to both. */
export function isDevicePermitted(reader: Reader, actor: UserActor, id: string): boolean {
  if (actor.rules.twin === null) return true;
  const twin = findTwin(reader, id);
  return twin !== undefined && mayAccessTwin(reader, actor, twin);
}

/** A device and its hub of any account, for the device's connections. Absent once either is being deleted. */
export function loadDevice(reader: Reader, id: string): { device: Device; hub: Hub } | undefined {
  const device = findDeviceRow(reader, id);
  const hub = device && loadHub(reader, device.hubId);
  return device && hub && { device, hub };
}

/** A hub of any account, for the connections of its devices. */
export const loadHub = (reader: Reader, id: string): Hub | undefined => findHubRow(reader, id);
