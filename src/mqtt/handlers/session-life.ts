import type { DeviceActor } from "../../kernel/actor.ts";
import { overQuota } from "../../kernel/failure.ts";
import type { Connection } from "../connections/connection.ts";
import type { Context, Leaving } from "../connections/context.ts";
import type { HubSpace } from "../connections/hub-space.ts";
import { insist } from "../connections/insist.ts";
import { type ClaimedSession, Session } from "../connections/session.ts";
import { SESSION_BYTES } from "../limits.ts";
import type { StoredWill } from "../persistence/will.ts";
import { CLOSING } from "../wire/closing.ts";
import { publishWill } from "./publishing.ts";

// A session's coming and going. The map of a hub's sessions holds those that are served now and those that outlive their
// connection; the store is only asked about the latter, and about wills.

type AskedSession = {
  clientId: string;
  deviceId: string;
  cleanStart: boolean;
  expiryIntervalS: number;
  will: StoredWill | null;
};

/**
 * Gives a client its session, a new one or the one it left, and takes it from whoever has it [MQTT-3.1.4-3]. The last who asks for a
 * session has it: one whose turn it is no more finds its connection closed.
 */
export async function claimSession(
  connection: Connection,
  hub: HubSpace,
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
 * A connection was not opened after all. Whoever has the session by now keeps it; else it waits for its client as before, and what was
 * stored for this connection is found to be left over when the next one comes, or the server starts.
 */
export function abandonSession(
  context: Context,
  connection: Connection,
  { space, deviceId, clientId }: { space: HubSpace; deviceId: string; clientId: string },
): void {
  const key = Session.keyOf(deviceId, clientId);
  if (space.holders.get(key) !== connection) return;
  const session = space.sessions.get(key);
  if (session) context.leaving(leaveSession(context, session, connection, { will: "discard", sentThrough: undefined }));
  else space.holders.delete(key);
}

const deviceActor = ({ info: { accountId } }: HubSpace, deviceId: string): DeviceActor => ({
  kind: "device",
  accountId,
  deviceId,
});

/** The connection of a session is gone, or never came to serve it. The session stays as long as it said, and so does a delayed will. */
export async function leaveSession(
  context: Context,
  session: Session,
  connection: Connection,
  { will, sentThrough }: Leaving,
): Promise<void> {
  const { hub, key, storedId, expiryIntervalS } = session;
  if (hub.holders.get(key) !== connection) return;
  hub.holders.delete(key);
  session.connection = null;
  if (expiryIntervalS === 0 || !session.durable) session.forget();
  if (storedId === null) return;
  const asked = { sessionId: storedId, expiryIntervalS, will, ...(sentThrough !== undefined && { sentThrough }) };
  const suspended = await insist(
    context.deps,
    "mqtt.session_not_suspended",
    () => context.sessions.suspend(deviceActor(hub, session.deviceId), asked),
    // Whoever comes back for a session finds what it left; one that ends has nobody who would.
    () => !session.durable || !hub.holders.has(key),
  );
  if (suspended?.dueWill) await publishWill(context, suspended.dueWill);
}
