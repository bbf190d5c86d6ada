import { command } from "../../store/sqlite/command.ts";
import { endSession } from "./end-session.ts";
import { deleteOldest, deleteQueued, listExpiredQueued } from "./queue-rows.ts";
import { deleteExpiredRetained, deleteSomeRetained } from "./retained-rows.ts";
import { findEndedSession, forgetEndedSession, listExpiredSessions } from "./session-rows.ts";
import { deleteUsage, findDeletedHub } from "./usage-rows.ts";
import { deleteWill, WILLS_TOPIC } from "./will-rows.ts";

// Clean-up after expiry and deletions. A command with a `limit` handles at most that many rows; the caller repeats it
// while there are more.

type Slice = { limit: number };

/** Ends sessions that have expired and returns their ids. Their pending wills become due [MQTT-3.1.2-8]. */
export const expireSessions = command("expire_sessions", (tx, _actor, { limit }: Slice): number[] => {
  const expired = listExpiredSessions(tx, limit);
  for (const session of expired) endSession(tx, session);
  if (expired.length > 0) tx.wake(WILLS_TOPIC);
  return expired.map(({ id }) => id);
});

/** Drops the rest of the queues of ended sessions. */
export const dropEndedQueues = command("drop_ended_queues", (tx, _actor, { limit }: Slice) => {
  const sessionId = findEndedSession(tx);
  if (sessionId === undefined) return { done: 0, more: false };
  const done = deleteOldest(tx, sessionId, limit);
  if (done === 0) forgetEndedSession(tx, sessionId);
  return { done, more: true };
});

/** Drops the retained messages of deleted hubs. */
export const dropRetainedOfDeletedHubs = command("drop_ended_hubs", (tx, _actor, { limit }: Slice) => {
  const hub = findDeletedHub(tx);
  if (!hub) return { done: 0, more: false };
  const done = deleteSomeRetained(tx, hub.number, limit);
  if (done === 0) deleteUsage(tx, hub.number);
  return { done, more: true };
});

/**
 * Drops expired messages: retained ones, and unsent ones in the queues of disconnected sessions [MQTT-3.3.2-5].
 */
export const dropExpiredMessages = command("drop_expired_messages", (tx, _actor, { limit }: Slice) => {
  const queued = listExpiredQueued(tx, limit);
  for (const { sessionId, position } of queued) deleteQueued(tx, sessionId, position, position);
  const retained = deleteExpiredRetained(tx, limit);
  return { done: queued.length + retained, more: queued.length === limit || retained === limit };
});

/** Drops a will that was published without `publishMessage`. */
export const dropWill = command("drop_will", (tx, _actor, { will }: { will: number }): boolean => deleteWill(tx, will));
