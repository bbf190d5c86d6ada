import type { Deps } from "../../deps.ts";
import { record } from "../../journal/record.ts";
import { SYSTEM } from "../../kernel/actor.ts";
import { command } from "../../store/sqlite/command.ts";
import { findDeviceRow } from "../registry/device-rows.ts";
import { findHubRow } from "../registry/hub-rows.ts";
import { findAccountIdOfDevice, listConnectedDevices, saveActivity, saveConnected } from "../registry/presence-rows.ts";
import { type AdmissionBasis, DEVICE_DELETED, type Eviction, evictionReason } from "./admission-basis.ts";

// These commands run as the device, so that they queue with its account's writes; the journal records them as the
// server's observations.

/** A connection as the journal records it. */
export type DeviceConnection = {
  clientId: string;
  transport: "tcp" | "tls" | "websocket" | "secure_websocket";
  peer: string;
  /** The protocol level: 3, 4 or 5. */
  level: number;
};

/** Devices marked as disconnected in one transaction, so that no other write waits long behind it. */
const SLICE = 500;

/**
 * A connection to record. `standing` is what admitted it, and is checked once more; without it only the device's
 * existence is checked.
 */
type Connected = { deviceId: string; connection: DeviceConnection; standing?: AdmissionBasis | undefined };

/**
 * Marks a device as connected. Returns null, or the reason why it may not connect after all: it was admitted on an
 * earlier state, and the state in this transaction decides. Then nothing is written.
 */
export const deviceConnected = command(
  "device_connected",
  (tx, _actor, { deviceId, connection, standing }: Connected): Eviction | null => {
    const device = findDeviceRow(tx, deviceId);
    const hub = device && findHubRow(tx, device.hubId);
    const departure = standing && evictionReason(standing, { device, hub });
    if (departure) return departure;
    if (!device) return DEVICE_DELETED;
    saveConnected(tx, device.id, true);
    saveActivity(tx, device.id, tx.now);
    const { accountId, id: twinId } = device;
    record(tx, SYSTEM, { kind: "device.connected", accountId, twinId, data: journalData(connection) });
    return null;
  },
);

type Disconnected = {
  deviceId: string;
  connection?: DeviceConnection | undefined;
  reason: string;
  connectionsLeft: number;
};

/** Records that a connection of a device has ended. Nothing is recorded for a deleted device. */
export const deviceDisconnected = command(
  "device_disconnected",
  (tx, _actor, { deviceId, connection, reason, connectionsLeft }: Disconnected): null => {
    const accountId = findAccountIdOfDevice(tx, deviceId);
    if (accountId === undefined) return null;
    saveConnected(tx, deviceId, connectionsLeft > 0);
    const data = { ...(connection && journalData(connection)), reason, connections_left: connectionsLeft };
    record(tx, SYSTEM, { kind: "device.disconnected", accountId, twinId: deviceId, data });
    return null;
  },
);

type Activity = { deviceId: string; at: number };

/**
 * Stores devices' last activity. If the clock was set back, a noted time later than now is stored as now; a stored
 * time never decreases.
 */
export const noteActivity = command("note_activity", (tx, _actor, { activity }: { activity: Activity[] }): null => {
  for (const { deviceId, at } of activity) saveActivity(tx, deviceId, Math.min(at, tx.now));
  return null;
});

export const resetPresenceSlice = command("reset_presence", (tx, actor, { limit }: { limit: number }): number => {
  const devices = listConnectedDevices(tx, limit);
  for (const { id, accountId } of devices) {
    saveConnected(tx, id, false);
    const data = { reason: "server restarted", connections_left: 0 };
    record(tx, actor, { kind: "device.disconnected", accountId, twinId: id, data });
  }
  return devices.length;
});

/**
 * Before the server accepts connections: marks devices as disconnected that were connected when the last server died.
 * Returns how many.
 */
export async function resetPresence({ store }: Pick<Deps, "store">): Promise<number> {
  let done = 0;
  for (;;) {
    const reset = await store.write(resetPresenceSlice, SYSTEM, { limit: SLICE });
    done += reset;
    if (reset < SLICE) return done;
  }
}

const journalData = ({ clientId, transport, peer, level }: DeviceConnection) => ({
  client_id: clientId,
  transport,
  peer,
  level,
});
