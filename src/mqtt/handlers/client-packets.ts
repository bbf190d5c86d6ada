import type { Connection } from "../connections/connection.ts";
import { SESSION_EXPIRY_MAX_S } from "../limits.ts";
import { CLOSING } from "../wire/closing.ts";
import { type Disconnect, ProtocolError, REASON } from "../wire/packets.ts";

// Short handlers of client packets.

/** DISCONNECT, with or without publishing the will; its session expiry interval applies from now on. */
export function onDisconnect(connection: Connection, { reasonCode = 0, properties }: Disconnect): void {
  const { session } = connection.client;
  const asked = properties?.sessionExpiryInterval;
  if (asked !== undefined) {
    if (asked > 0 && session.expiryIntervalS === 0) {
      throw new ProtocolError(REASON.protocolError, "a session that was to end cannot be kept", "3.14.2.2.2");
    }
    session.expiryIntervalS = Math.min(asked, SESSION_EXPIRY_MAX_S);
  }
  if (reasonCode === REASON.success) connection.close(CLOSING.left);
  else if (reasonCode === REASON.disconnectWithWill) connection.close(CLOSING.leftWithWill);
  else connection.close({ ...CLOSING.leftWithWill, text: `client disconnected, reason code ${reasonCode}` });
}

/**
 * PUBREL, the end of a QoS 2 publish from the client. PUBCOMP confirms that its identifier is released, so it waits
 * until that is stored.
 */
export function onPubrel(connection: Connection, packetId: number): void {
  const { session, level, actor } = connection.client;
  const known = session.received.delete(packetId);
  const complete = () => {
    const reasonCode = known || level < 5 ? REASON.success : REASON.packetIdentifierNotFound;
    connection.send({ cmd: "pubcomp", messageId: packetId, reasonCode });
  };
  if (!known || !session.durable || session.storedId === null) {
    complete();
    return;
  }
  const released = connection.context.sessions.releaseIncoming(actor, { sessionId: session.storedId, packetId });
  connection.await(released, complete, () => connection.close(CLOSING.unavailable));
}

/** CONNECT agreed on no authentication method, so AUTH is not allowed [MQTT-4.12.0-6]. */
export function onAuth(): never {
  throw new ProtocolError(REASON.protocolError, "AUTH without an authentication method", "MQTT-4.12.0-6");
}
