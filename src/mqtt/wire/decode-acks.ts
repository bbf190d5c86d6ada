import { type Cursor, refused } from "./cursor.ts";
import type { Ack, Auth, Disconnect, Level } from "./packets.ts";
import { readAckProperties, readAuthProperties, readDisconnectProperties } from "./properties.ts";

// PUBACK, PUBREC, PUBREL, PUBCOMP (3.4 to 3.7), DISCONNECT (3.14), AUTH (3.15), with the reason codes of clients.

const RECEIVED = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
const RELEASED = new Set([0x00, 0x92]);
const ENDED = new Set([0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]);
const CONTINUED = new Set([0x18, 0x19]);

type AckCmd = Ack["cmd"];
const ACKS: Record<AckCmd, { codes: Set<number>; clause: string }> = {
  puback: { codes: RECEIVED, clause: "MQTT-3.4.2-1" },
  pubrec: { codes: RECEIVED, clause: "MQTT-3.5.2-1" },
  pubrel: { codes: RELEASED, clause: "MQTT-3.6.2-1" },
  pubcomp: { codes: RELEASED, clause: "MQTT-3.7.2-1" },
};

export function decodeAck<Cmd extends AckCmd>(cursor: Cursor, cmd: Cmd, level: Level): Ack<Cmd> {
  const packet: Ack<Cmd> = { cmd, messageId: cursor.packetIdentifier() };
  if (level < 5) return packet;
  const { codes, clause } = ACKS[cmd];
  // Code and properties may be omitted, the code if it is success (3.4.2.1).
  packet.reasonCode = cursor.left > 0 ? readReasonCode(cursor, codes, clause) : 0;
  const properties = cursor.left > 0 ? readAckProperties(cursor) : undefined;
  if (properties) packet.properties = properties;
  return packet;
}

export function decodeDisconnect(cursor: Cursor, level: Level): Disconnect {
  const packet: Disconnect = { cmd: "disconnect" };
  if (level < 5) return packet;
  packet.reasonCode = cursor.left > 0 ? readReasonCode(cursor, ENDED, "MQTT-3.14.2-1") : 0;
  const properties = cursor.left > 0 ? readDisconnectProperties(cursor) : undefined;
  if (properties) packet.properties = properties;
  return packet;
}

export function decodeAuth(cursor: Cursor): Auth {
  // An omitted code means success (3.15.2.1), which only a server may send.
  const reasonCode = cursor.left > 0 ? cursor.byte() : 0;
  if (!CONTINUED.has(reasonCode)) throw refused(`AUTH with reason code ${reasonCode}`, "MQTT-3.15.2-1");
  const properties = cursor.left > 0 ? readAuthProperties(cursor) : undefined;
  if (properties?.authenticationMethod === undefined) throw refused("AUTH without a method", "3.15.2.2.2");
  return { cmd: "auth", reasonCode, properties };
}

function readReasonCode(cursor: Cursor, codes: Set<number>, clause: string): number {
  const code = cursor.byte();
  if (!codes.has(code)) throw refused(`reason code ${code} is none of this packet`, clause);
  return code;
}
