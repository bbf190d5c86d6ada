import {
  boolean,
  declareTopic,
  integer,
  integerOrNull,
  type Reader,
  type Row,
  type Tx,
  text,
} from "../../store/sqlite/sql.ts";

/** Wakes the job that ends expired sessions: a session got an expiry time. */
export const SESSIONS_TOPIC = declareTopic("sessions");

/** A stored session without its subscriptions, its queue and its will. */
export type StoredSession = {
  id: number;
  hubNumber: number;
  deviceId: string;
  clientId: string;
  expiryIntervalS: number;
  connected: boolean;
  /** Null while the session is connected, and if it never expires. */
  expiresAt: number | null;
  /** The position of the next queued message. */
  nextPosition: number;
  /** The newest position that was sent before the session was last suspended. */
  sentThrough: number;
};

/** An interval of 0xFFFFFFFF: the session does not expire [MQTT-3.1.2-23]. */
export const NEVER_EXPIRES_S = 0xffff_ffff;

const SESSION = `s.id, s.hub_number, s.device_id, s.client_id, s.expiry_interval_s, s.connected, s.expires_at, s.sent_through,
  e.next_position FROM mqtt_sessions AS s CROSS JOIN mqtt_queue_ends AS e ON e.session_id = s.id`;

/** Finds a client's session, which may have expired. */
export function findSession(reader: Reader, deviceId: string, clientId: string): StoredSession | undefined {
  const row = reader.get(`SELECT ${SESSION} WHERE s.device_id = ? AND s.client_id = ?`, deviceId, clientId);
  return row && sessionFrom(row);
}

export function findSessionById(reader: Reader, id: number): StoredSession | undefined {
  const row = reader.get(`SELECT ${SESSION} WHERE s.id = ?`, id);
  return row && sessionFrom(row);
}

/** Whether a device has at least `count` sessions. */
export const hasSessions = (reader: Reader, deviceId: string, count: number): boolean =>
  reader.get("SELECT 1 FROM mqtt_sessions WHERE device_id = ? LIMIT 1 OFFSET ?", deviceId, count - 1) !== undefined;

type NewSession = Pick<StoredSession, "hubNumber" | "deviceId" | "clientId" | "expiryIntervalS">;

/** Inserts a connected session with an empty queue. Returns its id. */
export function insertSession(tx: Tx, { deviceId, clientId, hubNumber, expiryIntervalS }: NewSession): number {
  const id = tx.insert(
    "INSERT INTO mqtt_sessions (device_id, client_id, hub_number, expiry_interval_s, connected) VALUES (?, ?, ?, ?, 1)",
    deviceId,
    clientId,
    hubNumber,
    expiryIntervalS,
  );
  tx.run("INSERT INTO mqtt_queue_ends (session_id) VALUES (?)", id);
  return id;
}

export function markConnected(tx: Tx, id: number, expiryIntervalS: number): void {
  tx.run(
    "UPDATE mqtt_sessions SET connected = 1, expires_at = NULL, expiry_interval_s = ? WHERE id = ?",
    expiryIntervalS,
    id,
  );
}

export function markSuspended(
  tx: Tx,
  { id, expiryIntervalS, expiresAt, sentThrough }: Omit<StoredSession, "connected" | "nextPosition">,
): void {
  tx.run(
    "UPDATE mqtt_sessions SET connected = 0, expiry_interval_s = ?, expires_at = ?, sent_through = ? WHERE id = ?",
    expiryIntervalS,
    expiresAt,
    sentThrough,
    id,
  );
}

/** Deletes a session, with its subscriptions and received packet identifiers; its queue is deleted later, in slices. */
export function deleteSession(tx: Tx, id: number): void {
  tx.run("DELETE FROM mqtt_sessions WHERE id = ?", id);
}

/** Sessions still marked as connected, by id after `afterId`. */
export const listConnectedSessions = (reader: Reader, afterId: number, limit: number): StoredSession[] =>
  reader
    .all(`SELECT ${SESSION} WHERE s.id > ? AND s.connected = 1 ORDER BY s.id LIMIT ?`, afterId, limit)
    .map(sessionFrom);

/** Expired sessions, longest expired first. */
export const listExpiredSessions = (reader: Reader, limit: number): StoredSession[] =>
  reader
    .all(`SELECT ${SESSION} WHERE s.expires_at <= ? ORDER BY s.expires_at LIMIT ?`, reader.now, limit)
    .map(sessionFrom);

/** When the next session expires; null if none will. */
export function nextSessionExpiry(reader: Reader): number | null {
  const row = reader.get("SELECT min(expires_at) AS next FROM mqtt_sessions WHERE expires_at IS NOT NULL");
  return row ? integerOrNull(row, "next") : null;
}

export function addReceivedPacketId(tx: Tx, sessionId: number, packetId: number): "added" | "known" | "no session" {
  const added = tx.run(
    `INSERT INTO mqtt_received (session_id, packet_id) SELECT id, ? FROM mqtt_sessions WHERE id = ?
     ON CONFLICT DO NOTHING`,
    packetId,
    sessionId,
  );
  if (added > 0) return "added";
  const known = tx.get("SELECT 1 FROM mqtt_received WHERE session_id = ? AND packet_id = ?", sessionId, packetId);
  return known ? "known" : "no session";
}

export function deleteReceived(tx: Tx, sessionId: number, packetId: number): void {
  tx.run("DELETE FROM mqtt_received WHERE session_id = ? AND packet_id = ?", sessionId, packetId);
}

export const listReceivedPacketIds = (reader: Reader, sessionId: number): number[] =>
  reader
    .all("SELECT packet_id FROM mqtt_received WHERE session_id = ? ORDER BY packet_id", sessionId)
    .map((row) => integer(row, "packet_id"));

/** An ended session whose queue may not be empty. */
export function findEndedSession(reader: Reader): number | undefined {
  const row = reader.get("SELECT session_id FROM mqtt_ended_sessions LIMIT 1");
  return row && integer(row, "session_id");
}

export function forgetEndedSession(tx: Tx, sessionId: number): void {
  tx.run("DELETE FROM mqtt_ended_sessions WHERE session_id = ?", sessionId);
}

const sessionFrom = (row: Row): StoredSession => ({
  id: integer(row, "id"),
  hubNumber: integer(row, "hub_number"),
  deviceId: text(row, "device_id"),
  clientId: text(row, "client_id"),
  expiryIntervalS: integer(row, "expiry_interval_s"),
  connected: boolean(row, "connected"),
  expiresAt: integerOrNull(row, "expires_at"),
  nextPosition: integer(row, "next_position"),
  sentThrough: integer(row, "sent_through"),
});
