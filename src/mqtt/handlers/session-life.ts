import type { DeviceActor } from "../../kernel/actor.ts";
import { overQuota } from "../../kernel/failure.ts";
import type { Connection } from "../connections/connection.ts";
import type { Context, SessionEnd } from "../connections/context.ts";
import type { HubNamespace } from "../connections/hub-namespace.ts";
import { retryUntilStored } from "../connections/retry-until-stored.ts";
import { type ClaimedSession, Session } from "../connections/session.ts";
import { SESSION_BYTES } from "../limits.ts";
import type { StoredWill } from "../persistence/will.ts";
import { CLOSING } from "../wire/closing.ts";
import { publishWill } from "./publishing.ts";

// How sessions begin and end. The map of a hub's sessions holds those in use and those that outlive their connection. Only
// the latter, and wills, are stored.

type AskedSession = {
  clientId: string;
  deviceId: string;
  cleanStart: boolean;
  expiryIntervalS: number;
  will: StoredWill | null;
};

/**
 * Gives a client its session, a new one or the one it left, and closes the connection that has it [MQTT-3.1.4-3]. The last
 * client to claim a session has it; an earlier one finds its connection closed.
 */
export async function claimSession(
  connection: Connection,
  hub: HubNamespace,
  { clientId, deviceId, cleanStart, expiryIntervalS, will }: AskedSession,
): Promise<ClaimedSession> {
  const key = Session.keyOf(deviceId, clientId);
  hub.holders.get(key)?.close(CLOSING.takenOver);
  hub.holders.set(key, connection);
  const known = hub.sessions.get(key);
  if (known && cleanStart) known.forget();
  const kept = cleanStart ? undefined : known;
  if (!kept && !hub.memory.hasRoom("sessions", SESSION_BYTES)) {
    hub.holders.delete(key);
    throw overQuota("The account has no memory for another session.", {
      resource: "mqtt_memory",
      quota: hub.memory.bytes,
      current: hub.memory.bytes,
    });
  }
  const session = kept ?? new Session({ hub, deviceId, clientId });
  hub.sessions.set(key, session);
  if (expiryIntervalS === 0 && !will && !known) return { session, present: false, queue: null };

  const { context } = connection;
  const asked = { hubId: hub.id, clientId, deviceId, cleanStart, expiryIntervalS, will };
  const opened = await context.sessions.open(deviceActor(hub, deviceId), asked);
  const { sessionId, present, subscriptions, received, dueWills, oldest, sentThrough } = opened;
  for (const due of dueWills) void publishWill(context, due);
  session.expiryIntervalS = expiryIntervalS;
  if (!present && kept) session.unsubscribeAll();
  session.storedId = sessionId;
  session.durable = sessionId !== null && (expiryIntervalS > 0 || present);
  session.received = new Set(received);
  for (const subscription of subscriptions) session.subscribe(subscription);
  return { session, present, queue: session.durable && sessionId !== null ? { sessionId, oldest, sentThrough } : null };
}

/**
 * Releases the session of a connection that was not opened after all, unless another connection has claimed it since. It
 * waits for its client as before. Rows stored for this connection are dropped when the next one comes, or the server starts.
 */
export function abandonSession(
  context: Context,
  connection: Connection,
  { space, deviceId, clientId }: { space: HubNamespace; deviceId: string; clientId: string },
): void {
  const key = Session.keyOf(deviceId, clientId);
  if (space.holders.get(key) !== connection) return;
  const session = space.sessions.get(key);
  if (session) context.leaving(leaveSession(context, session, connection, { will: "discard", sentThrough: undefined }));
  else space.holders.delete(key);
}

const deviceActor = ({ info: { accountId } }: HubNamespace, deviceId: string): DeviceActor => ({
  kind: "device",
  accountId,
  deviceId,
});

/** Ends a session's connection, or a claim that was never used. The session and a delayed will stay for their stored time. */
export async function leaveSession(
  context: Context,
  session: Session,
  connection: Connection,
  { will, sentThrough }: SessionEnd,
): Promise<void> {
  const { hub, key, storedId, expiryIntervalS } = session;
  if (hub.holders.get(key) !== connection) return;
  hub.holders.delete(key);
  session.connection = null;
  if (expiryIntervalS === 0 || !session.durable) session.forget();
  if (storedId === null) return;
  const asked = { sessionId: storedId, expiryIntervalS, will, ...(sentThrough !== undefined && { sentThrough }) };
  const suspended = await retryUntilStored(
    context.deps,
    "mqtt.session_not_suspended",
    () => context.sessions.suspend(deviceActor(hub, session.deviceId), asked),
    // A durable session that was claimed again needs no suspending; one that ends has to be ended in any case.
    () => !session.durable || !hub.holders.has(key),
  );
  if (suspended?.dueWill) await publishWill(context, suspended.dueWill);
}
