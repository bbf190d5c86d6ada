import { generate } from "mqtt-packet";
import { Cursor, malformed, refused } from "./cursor.ts";
import { decodeAck, decodeAuth, decodeDisconnect } from "./decode-acks.ts";
import { decodeConnect } from "./decode-connect.ts";
import { decodePublish } from "./decode-publish.ts";
import { decodeSubscribe, decodeUnsubscribe } from "./decode-subscribe.ts";
import {
  type Ack,
  type ClientPacket,
  type Connack,
  type Level,
  REASON,
  type ServerPacket,
  type UserProperties,
} from "./packets.ts";

export { levelOf } from "./decode-connect.ts";
export { encodePublish, type OutgoingPublish } from "./encode-publish.ts";

// Bytes to packets and back. Decoding is our own: the clauses are about bytes, and mqtt-packet accepts most of what
// they forbid, so checking its input would mean decoding it. It encodes what we send, except the most frequent packets:
// PUBLISH and acknowledgements without properties.

const CONNECT = 1;

/** Decodes one whole packet from a client. `level` is that of its CONNECT; null while only a CONNECT is expected. */
export function decode(frame: Uint8Array, level: Level | null): ClientPacket {
  const first = frame[0] as number;
  const type = first >> 4;
  if (level === null && type !== CONNECT) throw refused("the first packet is no CONNECT", "MQTT-3.1.0-1");
  if (level !== null && type === CONNECT) throw refused("a second CONNECT", "MQTT-3.1.0-2");

  const cursor = new Cursor(frame, bodyStart(frame, level), frame.length);
  const packet = decodeBody(cursor, type, first & 0b1111, level ?? 5);
  cursor.done();
  return packet;
}

function decodeBody(cursor: Cursor, type: number, flags: number, level: Level): ClientPacket {
  switch (type) {
    case CONNECT:
      return decodeConnect(cursor);
    case 3:
      return decodePublish(cursor, flags, level);
    case 4:
      return decodeAck(cursor, "puback", level);
    case 5:
      return decodeAck(cursor, "pubrec", level);
    case 6:
      checkFlags(flags, level, "MQTT-3.6.1-1");
      return decodeAck(cursor, "pubrel", level);
    case 7:
      return decodeAck(cursor, "pubcomp", level);
    case 8:
      checkFlags(flags, level, "MQTT-3.8.1-1");
      return decodeSubscribe(cursor, level);
    case 10:
      checkFlags(flags, level, "MQTT-3.10.1-1");
      return decodeUnsubscribe(cursor, level);
    case 12:
      return { cmd: "pingreq" };
    case 14:
      return decodeDisconnect(cursor, level);
    case 15:
      if (level < 5) throw malformed("AUTH is of MQTT 5", "2.2.1");
      return decodeAuth(cursor);
    default:
      throw refused(`a client sends packet type ${type}`, "2.1.2");
  }
}

/** Only MQTT 3.1 repeats these with the DUP flag; the framer does not know the level and accepts it. */
function checkFlags(flags: number, level: Level, clause: string): void {
  if (flags !== 0b0010 && level > 3) throw malformed("reserved flags", clause);
}

/** Where the fixed header ends. MQTT 5 requires the shortest form of the length; earlier clients may pad it. */
function bodyStart(frame: Uint8Array, level: Level | null): number {
  let at = 1;
  while ((frame[at] as number) >= 0x80) at++;
  if (level === 5 && at > 1 && frame[at] === 0) throw malformed("a remaining length is padded", "MQTT-1.5.5-1");
  return at + 1;
}

/**
 * Encodes what a server sends, except PUBLISH (`encodePublish`). Reason codes are those of MQTT 5 at every level:
 * CONNACK and SUBACK translate them to their level's.
 */
export function encode(packet: ServerPacket, level: Level): Uint8Array {
  if (isBareAck(packet, level)) return encodeBareAck(packet);
  const fields = { reasonCode: REASON.success, ...packet, ...atLevel(packet, level) };
  const properties = level === 5 && "properties" in packet ? forMqttPacket(packet.properties) : undefined;
  return generate({ ...fields, ...(properties && { properties }) } as never, { protocolVersion: level });
}

const ACK_FIRST_BYTES = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 };

const isBareAck = (packet: ServerPacket, level: Level): packet is Ack =>
  packet.cmd in ACK_FIRST_BYTES && (level < 5 || !((packet as Ack).reasonCode || (packet as Ack).properties));

function encodeBareAck({ cmd, messageId }: Ack): Uint8Array {
  const bytes = new Uint8Array(4);
  bytes[0] = ACK_FIRST_BYTES[cmd];
  bytes[1] = 2;
  bytes[2] = messageId >> 8;
  bytes[3] = messageId;
  return bytes;
}

/** Return codes of CONNACK (3.1.1, table 3.1); all others become 5, not authorized. */
const RETURN_CODES = new Map<number, number>([
  [REASON.success, 0],
  [REASON.unsupportedProtocolVersion, 1],
  [REASON.clientIdentifierNotValid, 2],
  [REASON.serverUnavailable, 3],
  [REASON.serverBusy, 3],
  [REASON.badUserNameOrPassword, 4],
]);
const NOT_AUTHORIZED = 5;

function atLevel(packet: ServerPacket, level: Level): object {
  if (packet.cmd === "connack") return connackAtLevel(packet, level);
  if (level === 5) return {};
  // A failed subscription has a single code [MQTT-3.9.3-2 of 3.1.1]; MQTT 3.1 has none, and receives the same.
  if (packet.cmd === "suback") return { granted: packet.granted.map((code) => Math.min(Number(code), 0x80)) };
  return {};
}

function connackAtLevel({ reasonCode = REASON.success, sessionPresent }: Connack, level: Level) {
  return {
    returnCode: RETURN_CODES.get(reasonCode) ?? NOT_AUTHORIZED,
    // MQTT 3.1 has no such flag, and a refusal never sets it [MQTT-3.2.2-6].
    sessionPresent: sessionPresent && level > 3 && reasonCode === REASON.success,
  };
}

/**
 * mqtt-packet keeps the order of user properties if each is an object of its own, and accepts bytes only as a Buffer.
 */
function forMqttPacket(properties: object | undefined) {
  if (!properties) return undefined;
  const converted = Object.entries(properties).map(([name, value]) => {
    if (value instanceof Uint8Array) return [name, Buffer.from(value)];
    if (name !== "userProperties") return [name, value];
    return [name, (value as UserProperties).map((pair) => Object.fromEntries([pair]))];
  });
  return Object.fromEntries(converted);
}
