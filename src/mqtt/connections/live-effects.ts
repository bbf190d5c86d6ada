import { DEVICE_DELETED, type Eviction, evictionReason } from "../../hub/admission/admission-basis.ts";
import type { DeviceChange } from "../../hub/registry/device-feed-rows.ts";
import { findDeviceRow } from "../../hub/registry/device-rows.ts";
import { loadHub } from "../../hub/registry/lookups.ts";
import { UNFINISHED } from "../../kernel/fairness/fair-slices.ts";
import { administrativeClosing, unauthorisedClosing } from "../wire/closing.ts";
import type { Connection } from "./connection.ts";
import type { Context } from "./context.ts";
import { accessOf } from "./device-access.ts";
import type { HubNamespace } from "./hub-namespace.ts";

/**
 * Applies a change of a hub or device to its connections at once (specification 5.2, rule 9): they are closed, or
 * continue under the new settings.
 */
export function applyChange(context: Context, { kind, deviceId, hubId, leftHubId }: DeviceChange): void {
  if (deviceId === null) {
    applyToHub(context, hubId, kind);
    return;
  }
  for (const connection of [...context.presence.of(deviceId)]) apply(context, connection, kind);
  if (kind === "device.certificate_ended") tellOfLoss(context, hubId, deviceId);
  if (kind === "device.deleted") forgetSessions(context.hubs.find(hubId), deviceId);
  else if (leftHubId !== null) forgetSessions(context.hubs.find(leftHubId), deviceId);
}

/** A hub may have ten thousand connections: they are handled in slices, and the hub after them. */
function applyToHub(context: Context, hubId: string, kind: string): void {
  const space = context.hubs.find(hubId);
  const connections = connectionsOf(space);
  const owner = { account: space?.info.accountId ?? hubId, member: hubId };
  void context.reading.slices.run(owner, (isOver) => {
    for (let connection = connections.pop(); connection; connection = connections.pop()) {
      apply(context, connection, kind);
      if (isOver()) return UNFINISHED;
    }
    refreshHub(context, hubId);
    return null;
  });
}

/**
 * The certificate was this device's, or waited to be proven by it, and belongs to another now: that device proved it,
 * or the CA of that hub signed it.
 */
function tellOfLoss({ events }: Context, hubId: string, deviceId: string | null): void {
  const msg = "device certificate belongs to another device";
  events.emit(hubId, { severity: "warn", objectType: "device", objectId: deviceId, msg });
}

/** Applies the changes that arrived while the connection was being opened. */
export function applyMissedChanges(context: Context, connection: Connection): void {
  for (const kind of connection.missed.splice(0)) apply(context, connection, kind);
}

const connectionsOf = (hub: HubNamespace | undefined) => [...(hub?.holders.values() ?? [])];

function apply(context: Context, connection: Connection, kind: string): void {
  if (connection.state === "connecting") connection.missed.push(kind);
  if (connection.state !== "open") return;
  const { client } = connection;
  const { standing } = client;
  const now = context.deps.store.read((reader) => ({
    device: findDeviceRow(reader, standing.deviceId),
    hub: loadHub(reader, standing.hubId),
  }));
  const departure = evictionReason(standing, now, kind);
  const { device, hub } = now;
  if (departure || !device || !hub) leave(context, connection, departure ?? DEVICE_DELETED);
  else if (!device.allowMultipleConnections && client.clientId !== device.id) {
    // A device limited to one connection has one name; connections with names of their own date from before.
    connection.close(administrativeClosing("multiple connections are not allowed any more"));
  } else {
    client.hub.info = hub;
    client.access = accessOf(context, device, hub, standing.secure);
  }
}

/** A client that must authenticate again receives that reason code; everything else is an administrative action. */
function leave(context: Context, connection: Connection, { reason, event }: Eviction): void {
  const { client } = connection;
  const about = { severity: "error", objectType: "device", objectId: client.deviceId, msg: event } as const;
  context.events.emit(client.hub.id, { ...about, proved: client.standing.secure });
  connection.close(reason === "security_changed" ? unauthorisedClosing(event) : administrativeClosing(event));
}

function refreshHub(context: Context, hubId: string): void {
  const space = context.hubs.find(hubId);
  const hub = context.deps.store.read((reader) => loadHub(reader, hubId));
  if (hub) {
    if (space) space.info = hub;
    return;
  }
  for (const session of space?.sessions.values() ?? []) session.forget();
  context.hubs.delete(hubId);
  // Events are counted for refused clients too, even if none ever connected.
  context.events.forget(hubId);
  context.sys.forget(hubId);
}

/** The store has deleted them with their device. */
function forgetSessions(hub: HubNamespace | undefined, deviceId: string): void {
  for (const session of hub?.sessions.values() ?? []) if (session.deviceId === deviceId) session.forget();
}
