import { findDeviceRow } from "../../hub/registry/device-rows.ts";
import { notFound, overQuota } from "../../kernel/failure.ts";
import { command } from "../../store/sqlite/command.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import type { Subscription } from "../wire/message.ts";
import { endSession } from "./end-session.ts";
import { bodyColumns } from "./message-rows.ts";
import { findOldest } from "./queue-rows.ts";
import {
  findSession,
  hasSessions,
  insertSession,
  listReceivedPacketIds,
  markConnected,
  type StoredSession,
} from "./session-rows.ts";
import { HUB_BYTES_MAX, SESSIONS_PER_DEVICE_MAX } from "./store-limits.ts";
import { listSubscriptions } from "./subscription-rows.ts";
import { findHubUsage, type HubUsage } from "./usage-rows.ts";
import type { StoredWill, WillDue } from "./will.ts";
import { armWill, deleteWaitingWills, insertWill, listDueWillsOf } from "./will-rows.ts";

type Input = {
  hubId: string;
  clientId: string;
  deviceId: string;
  cleanStart: boolean;
  /** 0 ends with the connection, 0xFFFFFFFF never. */
  expiryIntervalS: number;
  will: StoredWill | null;
};

type OpenedSession = {
  /** Null if nothing is stored: the session ends with its connection and leaves no will. */
  sessionId: number | null;
  /** An earlier session was resumed [MQTT-3.2.2-2]. */
  present: boolean;
  subscriptions: Subscription[];
  /** Packet identifiers of the client's QoS 2 messages that wait for their PUBREL. */
  received: number[];
  /**
   * Positions: of the oldest message in the queue, of the next one to be queued, and of the newest that may have been
   * sent before.
   */
  oldest: number;
  next: number;
  sentThrough: number;
  /** Wills that became due: of the session that was ended, or of the connection that was taken over. */
  dueWills: WillDue[];
};

const NOTHING_KEPT: OpenedSession = {
  sessionId: null,
  present: false,
  subscriptions: [],
  received: [],
  oldest: 1,
  next: 1,
  sentThrough: 0,
  dueWills: [],
};

/**
 * Opens a client's session: resumes the stored one, unless it starts clean or has expired [MQTT-3.1.2-4, MQTT-3.1.2-5],
 * and stores it from now on. Refuses if the device does not exist (any more) or has too many sessions, or if the hub
 * has no room for the will.
 */
export const openSession = command("open_session", (tx, _actor, input: Input): OpenedSession => {
  const { hubId, clientId, deviceId, cleanStart, expiryIntervalS, will } = input;
  const hub = findHubUsage(tx, hubId);
  if (!hub || findDeviceRow(tx, deviceId)?.hubId !== hubId) throw notFound("Device", deviceId);
  const stored = findSession(tx, deviceId, clientId);
  const resumed = stored && !cleanStart && !hasEnded(tx, stored) ? stored : undefined;
  const isKept = resumed !== undefined || expiryIntervalS > 0 || will !== null;
  assertRoom(tx, { hub, deviceId, will, isNew: isKept && !stored });

  const dueWills = stored ? endPrevious(tx, stored, resumed !== undefined) : [];
  if (!isKept) return { ...NOTHING_KEPT, dueWills };
  if (resumed) markConnected(tx, resumed.id, expiryIntervalS);
  const sessionId = resumed?.id ?? insertSession(tx, { hubNumber: hub.number, deviceId, clientId, expiryIntervalS });
  if (will) insertWill(tx, { sessionId, deviceId, hubNumber: hub.number, will });
  if (!resumed) return { ...NOTHING_KEPT, sessionId, dueWills };
  return {
    sessionId,
    present: true,
    subscriptions: listSubscriptions(tx, sessionId),
    received: listReceivedPacketIds(tx, sessionId),
    oldest: findOldest(tx, sessionId) ?? resumed.nextPosition,
    next: resumed.nextPosition,
    sentThrough: resumed.connected ? resumed.nextPosition - 1 : resumed.sentThrough,
    dueWills,
  };
});

/**
 * Whether the session has expired and is not deleted yet, or ended with its connection (interval 0: stored only for a
 * will).
 */
const hasEnded = (tx: Tx, { expiresAt, expiryIntervalS }: StoredSession) =>
  expiryIntervalS === 0 || (expiresAt !== null && expiresAt <= tx.now);

/**
 * Ends the session; if it is resumed, only settles its will, as a take-over does. Returns the wills that become due.
 */
function endPrevious(tx: Tx, stored: StoredSession, resume: boolean): WillDue[] {
  // A will without a delay is published at a take-over; a delayed one is not if the session is resumed [MQTT-3.1.2-8,
  // MQTT-3.1.3-9, MQTT-3.1.4-3].
  if (resume) {
    if (stored.connected) armWill(tx, stored.id, null);
    deleteWaitingWills(tx, stored.id);
  } else {
    endSession(tx, stored);
  }
  return listDueWillsOf(tx, stored.id);
}

type Wanted = { hub: HubUsage; deviceId: string; will: StoredWill | null; isNew: boolean };

function assertRoom(tx: Tx, { hub, deviceId, will, isNew }: Wanted): void {
  if (isNew && hasSessions(tx, deviceId, SESSIONS_PER_DEVICE_MAX)) {
    const quota = { resource: "sessions", quota: SESSIONS_PER_DEVICE_MAX, current: SESSIONS_PER_DEVICE_MAX };
    throw overQuota("The device has too many sessions.", quota);
  }
  if (will && hub.bytes + bodyColumns(will).bytes > HUB_BYTES_MAX) {
    throw overQuota("The hub has no room for the will.", {
      resource: "hub_memory",
      quota: HUB_BYTES_MAX,
      current: hub.bytes,
    });
  }
}
