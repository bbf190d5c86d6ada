import type { Deps } from "../../deps.ts";
import { record } from "../../events/record.ts";
import { SYSTEM } from "../../kernel/actor.ts";
import { command } from "../../store/sqlite/command.ts";
import { findDeviceRow } from "../registry/device-rows.ts";
import { findHubRow } from "../registry/hub-rows.ts";
import { findAccountOfDevice, listConnected, saveActivity, saveConnected } from "../registry/presence-rows.ts";
import { DEVICE_DELETED, type Departure, reasonToLeave, type Standing } from "./standing.ts";

// Commands by a device, so that they wait among its account's; the journal tells of them as what they are, the server's observations.

/** A connection as the journal tells of it. */
export type DeviceConnection = {
  clientId: string;
  transport: "tcp" | "tls" | "websocket" | "secure_websocket";
  peer: string;
  /** Of the protocol: 3, 4 or 5. */
  level: number;
};

/** Devices that are seen to be disconnected in one transaction, so that nobody waits long behind it. */
const SLICE = 500;

/** With what a connection was let in by, it is asked once more whether it may be. */
type Connected = { deviceId: string; connection: DeviceConnection; standing?: Standing | undefined };

/**
 * A device is connected. Answers null, or why it may not be after all: whoever let it in did so by what was so a moment before, and this
 * is the moment that counts. Then nothing is written.
 */
export const deviceConnected = command(
  "device_connected",
  (tx, _actor, { deviceId, connection, standing }: Connected): Departure | null => {
    const device = findDeviceRow(tx, deviceId);
    const hub = device && findHubRow(tx, device.hubId);
    const departure = standing && reasonToLeave(standing, { device, hub });
    if (departure) return departure;
    if (!device) return DEVICE_DELETED;
    saveConnected(tx, device.id, true);
    saveActivity(tx, device.id, tx.now);
    const { accountId, id: twinId } = device;
    record(tx, SYSTEM, { kind: "device.connected", accountId, twinId, data: told(connection) });
    return null;
  },
);

type Disconnected = {
  deviceId: string;
  connection?: DeviceConnection | undefined;
  reason: string;
  connectionsLeft: number;
};

/** A connection of a device has ended. A device that has been deleted is told of no more. */
export const deviceDisconnected = command(
  "device_disconnected",
  (tx, _actor, { deviceId, connection, reason, connectionsLeft }: Disconnected): null => {
    const accountId = findAccountOfDevice(tx, deviceId);
    if (accountId === undefined) return null;
    saveConnected(tx, deviceId, connectionsLeft > 0);
    const data = { ...(connection && told(connection)), reason, connections_left: connectionsLeft };
    record(tx, SYSTEM, { kind: "device.disconnected", accountId, twinId: deviceId, data });
    return null;
  },
);

type Activity = { deviceId: string; at: number };

/** Devices that were heard of. A clock that was set back meanwhile makes nothing earlier, nor later than now. */
export const noteActivity = command("note_activity", (tx, _actor, { activity }: { activity: Activity[] }): null => {
  for (const { deviceId, at } of activity) saveActivity(tx, deviceId, Math.min(at, tx.now));
  return null;
});

export const resetSlice = command("reset_presence", (tx, actor, { limit }: { limit: number }): number => {
  const devices = listConnected(tx, limit);
  for (const { id, accountId } of devices) {
    saveConnected(tx, id, false);
    const data = { reason: "server restarted", connections_left: 0 };
    record(tx, actor, { kind: "device.disconnected", accountId, twinId: id, data });
  }
  return devices.length;
});

/** Before a server takes its first connection: devices that were connected when the last one died are not. Answers how many they were. */
export async function resetPresence({ store }: Pick<Deps, "store">): Promise<number> {
  let done = 0;
  for (;;) {
    const reset = await store.write(resetSlice, SYSTEM, { limit: SLICE });
    done += reset;
    if (reset < SLICE) return done;
  }
}

const told = ({ clientId, transport, peer, level }: DeviceConnection) => ({
  client_id: clientId,
  transport,
  peer,
  level,
});
