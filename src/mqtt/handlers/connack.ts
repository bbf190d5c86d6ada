import type { Connection } from "../connections/connection.ts";
import { RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM } from "../limits.ts";
import { encode } from "../wire/codec.ts";
import { type Connack, type Connect, type Level, REASON, type ReasonCode } from "../wire/packets.ts";

// CONNACK (3.2).

type Accepted = {
  connect: Connect;
  sessionPresent: boolean;
  /** For a client that sent none [MQTT-3.1.3-7]. */
  assignedClientIdentifier: string | undefined;
  sessionExpiryIntervalS: number;
  keepAliveS: number;
  packetBytesMax: number;
};

export function acceptance(accepted: Accepted): Connack {
  const { connect, sessionPresent, assignedClientIdentifier, sessionExpiryIntervalS, keepAliveS } = accepted;
  const asked = connect.properties?.sessionExpiryInterval ?? 0;
  return {
    cmd: "connack",
    reasonCode: REASON.success,
    sessionPresent,
    properties: {
      receiveMaximum: RECEIVE_MAXIMUM,
      topicAliasMaximum: TOPIC_ALIAS_MAXIMUM,
      maximumPacketSize: accepted.packetBytesMax,
      ...(asked !== sessionExpiryIntervalS && { sessionExpiryInterval: sessionExpiryIntervalS }),
      ...(assignedClientIdentifier !== undefined && { assignedClientIdentifier }),
      ...(keepAliveS !== connect.keepalive && { serverKeepAlive: keepAliveS }),
    },
  };
}

/**
 * Reason codes with a return code in MQTT 3. After any other fault of a CONNECT the connection is closed without a CONNACK
 * (3.1.1: MQTT-3.1.4-1).
 */
const TOLD_BELOW_5: readonly ReasonCode[] = [
  REASON.unsupportedProtocolVersion,
  REASON.clientIdentifierNotValid,
  REASON.badUserNameOrPassword,
  REASON.notAuthorized,
  REASON.serverUnavailable,
  REASON.serverBusy,
  REASON.quotaExceeded,
];

/** Refuses a connection that is not open yet: sends a CONNACK with the reason, if MQTT has a code for it, and closes [MQTT-3.2.2-7]. */
export function refuseConnect(
  connection: Connection,
  level: Level | undefined,
  reasonCode: ReasonCode,
  text: string,
): void {
  const { state } = connection;
  if (state === "closed") return;
  const { metrics } = connection.context;
  metrics.refused(reasonCode);
  const isUnknown = level === undefined && reasonCode === REASON.unsupportedProtocolVersion;
  const spoken = level ?? (isUnknown ? 4 : undefined);
  if (spoken === 5 || (spoken !== undefined && TOLD_BELOW_5.includes(reasonCode))) {
    const refusal: Connack = { cmd: "connack", reasonCode, sessionPresent: false, properties: { reasonString: text } };
    const bytes = encode(refusal, spoken);
    metrics.sent.add(bytes);
    connection.socket.send(bytes);
  }
  connection.close({ reasonCode: null, text, will: "discard" });
}
