import { command } from "../../store/sqlite/command.ts";
import type { Tx } from "../../store/sqlite/sql.ts";
import { endSession } from "./end-session.ts";
import {
  findSessionById,
  listConnectedSessions,
  markSuspended,
  NEVER_EXPIRES_S,
  SESSIONS_TOPIC,
  type StoredSession,
} from "./session-rows.ts";
import type { WillDue } from "./will.ts";
import { armWill, deleteWaitingWills, listDueWillsOf, WILLS_TOPIC } from "./will-rows.ts";

type Input = {
  sessionId: number;
  /** From CONNECT or DISCONNECT. */
  expiryIntervalS: number;
  /**
   * "discard" after a DISCONNECT with reason code 0x00 [MQTT-3.1.2-10, MQTT-3.14.4-3]; otherwise "publish", when it is
   * due.
   */
  will: "publish" | "discard";
  /** The newest position that was sent; if it is unknown, everything may have been. */
  sentThrough?: number;
};

/**
 * Suspends a session whose connection ended: it waits for its client until it expires, or ends at once. Returns its
 * will if that is due now; a delayed one is published later. Does nothing for a session that is gone.
 */
export const suspendSession = command("suspend_session", (tx, _actor, input: Input): { dueWill: WillDue | null } => {
  const session = findSessionById(tx, input.sessionId);
  if (!session) return { dueWill: null };
  if (input.will === "discard") deleteWaitingWills(tx, session.id);
  suspend(tx, { ...session, expiryIntervalS: input.expiryIntervalS }, input.sentThrough);
  const dueWill = listDueWillsOf(tx, session.id).at(-1) ?? null;
  if (!dueWill) tx.wake(WILLS_TOPIC);
  return { dueWill };
});

type Slice = { afterId: number; limit: number };

/**
 * At the server's start: suspends up to `limit` sessions that the previous process left marked as connected. Returns
 * their number, and the last one's id; null if there are no more.
 */
export const suspendLeftConnected = command("suspend_all_sessions", (tx, _actor, { afterId, limit }: Slice) => {
  const sessions = listConnectedSessions(tx, afterId, limit);
  for (const session of sessions) suspend(tx, session);
  if (sessions.length > 0) tx.wake(WILLS_TOPIC);
  return { done: sessions.length, last: sessions.length < limit ? null : (sessions.at(-1)?.id ?? null) };
});

function suspend(tx: Tx, session: StoredSession, sentThrough = session.nextPosition - 1): void {
  const { id, expiryIntervalS } = session;
  if (expiryIntervalS === 0) {
    endSession(tx, session);
    return;
  }
  const expiresAt = expiryIntervalS === NEVER_EXPIRES_S ? null : tx.now + expiryIntervalS * 1000;
  markSuspended(tx, { ...session, expiresAt, sentThrough });
  armWill(tx, id, expiresAt);
  if (expiresAt !== null) tx.wake(SESSIONS_TOPIC);
}
