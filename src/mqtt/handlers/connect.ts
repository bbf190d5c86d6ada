import { identifyDevice } from "../../hub/admission/identify-device.ts";
import { type Identified, isRefusal, type Refusal, type RefusalReason } from "../../hub/registry/identity.ts";
import { peerKey } from "../../kernel/client-address.ts";
import { DomainError } from "../../kernel/failure.ts";
import type { Connection } from "../connections/connection.ts";
import { decode, levelOf } from "../wire/codec.ts";
import { headerText } from "../wire/packet-text.ts";
import { type Connect, ProtocolError, REASON, type ReasonCode } from "../wire/packets.ts";
import { refuseConnect } from "./connack.ts";
import { openConnection } from "./open-connection.ts";

/**
 * Takes the first packet of a connection: who is it, may it be here, and which session does it go on with? Opens the connection,
 * or refuses it with the reason. What the client sends meanwhile waits (it need not wait for the CONNACK, [MQTT-3.1.4-5]).
 */
export async function connect(connection: Connection, frame: Uint8Array): Promise<void> {
  try {
    await admit(connection, decode(frame, null) as Connect, headerText(frame));
  } catch (error) {
    const [reasonCode, text] = reasonOf(error);
    refuseConnect(connection, levelOf(frame), reasonCode, text);
  }
}

function reasonOf(error: unknown): [ReasonCode, string] {
  if (error instanceof ProtocolError) return [error.reasonCode, error.message];
  if (!(error instanceof DomainError)) throw error;
  const { failure } = error;
  // A device that was deleted a moment ago; too many sessions, or no room for the will; a store that is too busy, or stops.
  if (failure.code === "not_found") return [REASON.notAuthorized, "device is deleted"];
  if (failure.code === "limited" && failure.kind === "quota") return [REASON.quotaExceeded, failure.message];
  return [REASON.serverBusy, "the server cannot store the session now"];
}

async function admit(connection: Connection, packet: Connect, packetText: string): Promise<void> {
  const { context, socket } = connection;
  const { deps } = context;
  if (!deps.config.mqttLevels.includes(packet.protocolVersion)) {
    const text = "this protocol version is not spoken here";
    throw new ProtocolError(REASON.unsupportedProtocolVersion, text, "MQTT-3.1.2-2");
  }
  if (packet.properties?.authenticationMethod !== undefined) {
    throw new ProtocolError(REASON.badAuthenticationMethod, "no authentication method is supported", "MQTT-4.12.0-1");
  }
  const identified = await identifyDevice(deps, {
    certificates: socket.certificates,
    clientId: packet.clientId,
    userName: packet.username ?? null,
    password: packet.password ?? null,
    peer: socket.peer,
  });
  if (isRefusal(identified)) refuse(connection, packet, identified, packetText);
  else if (!socket.identified(identified.device.accountId)) tooMany(connection, packet, identified, packetText);
  else if (connection.state === "connecting") await openConnection(connection, packet, identified, packetText);
}

/** Its account has as many connections as others leave it. */
function tooMany(connection: Connection, packet: Connect, { device, hub }: Identified, packetText: string): void {
  const msg = "the account has too many connections";
  const about = { severity: "error", objectType: "device", objectId: device.id, msg } as const;
  connection.context.events.emit(hub.id, { ...about, packet: packetText });
  refuseConnect(connection, packet.protocolVersion, REASON.quotaExceeded, msg);
}

/** What each refusal is on the wire (specification 5.2, rule 8); MQTT 3 has 0x04 for the first and 0x05 for the rest. */
const REASON_CODES: Record<RefusalReason, ReasonCode> = {
  unidentified: REASON.badUserNameOrPassword,
  bad_token: REASON.notAuthorized,
  insecure: REASON.notAuthorized,
  bad_certificate: REASON.notAuthorized,
  hub_not_ready: REASON.notAuthorized,
  device_disabled: REASON.notAuthorized,
  hub_full: REASON.quotaExceeded,
};

function refuse(connection: Connection, packet: Connect, refusal: Refusal, packetText: string): void {
  const { hubId, deviceId, event, reason, proved = false } = refusal;
  const { peer } = connection.socket;
  connection.context.deps.log.caused("info", "mqtt.refused", peerKey(peer), { peer, device: deviceId, reason });
  if (hubId !== null) {
    const about = { severity: "error", objectType: "device", objectId: deviceId, msg: event, proved } as const;
    connection.context.events.emit(hubId, { ...about, packet: packetText });
  }
  refuseConnect(connection, packet.protocolVersion, REASON_CODES[reason], event);
}
