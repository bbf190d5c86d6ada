import { Cursor, malformed, refused } from "./cursor.ts";
import { checkTopicName } from "./decode-topic.ts";
import { type Connect, type Level, ProtocolError, type QoS, REASON, type Will } from "./packets.ts";
import { readConnectProperties, readWillProperties } from "./properties.ts";
import { isWellFormed } from "./utf8.ts";

// CONNECT (3.1).

const RESERVED = 0b0000_0001;
const CLEAN_START = 0b0000_0010;
const WILL = 0b0000_0100;
const WILL_QOS_SHIFT = 3;
const WILL_RETAIN = 0b0010_0000;
const PASSWORD = 0b0100_0000;
const USER_NAME = 0b1000_0000;

/**
 * The protocol level of a CONNECT, even if the rest of it is wrong: it decides the form of the refusal. Undefined if it
 * cannot be read, or is not supported.
 */
export function levelOf(frame: Uint8Array): Level | undefined {
  try {
    return readProtocol(new Cursor(frame, headerBytes(frame), frame.length)).protocolVersion;
  } catch {
    return undefined;
  }
}

const headerBytes = (frame: Uint8Array) => frame.findIndex((byte, at) => at > 0 && byte < 0x80) + 1;

export function decodeConnect(cursor: Cursor): Connect {
  const protocol = readProtocol(cursor);
  const level = protocol.protocolVersion;
  const flags = cursor.byte();
  checkFlags(flags, level);

  const packet: Connect = {
    cmd: "connect",
    ...protocol,
    clean: (flags & CLEAN_START) !== 0,
    keepalive: cursor.uint16(),
    clientId: "",
  };
  const properties = level === 5 ? readConnectProperties(cursor) : undefined;
  if (properties) packet.properties = properties;
  if (properties?.authenticationData && properties.authenticationMethod === undefined) {
    throw refused("authentication data without a method", "3.1.2.11.10");
  }

  packet.clientId = cursor.text();
  if (packet.clientId === "" && !packet.clean && level < 5) {
    const clause = "MQTT-3.1.3-8"; // Of 3.1.1; MQTT 5 lets the server choose an identifier for any session.
    throw new ProtocolError(REASON.clientIdentifierNotValid, "a session to keep has no client identifier", clause);
  }
  if (flags & WILL) packet.will = readWill(cursor, flags, level);
  // In MQTT 3.1 the packet's length decides: flags may announce names that are absent.
  const isThere = (flag: number) => (flags & flag) !== 0 && !(level === 3 && cursor.left === 0);
  if (isThere(USER_NAME)) packet.username = cursor.text();
  if (isThere(PASSWORD)) packet.password = cursor.binary();
  return packet;
}

function readProtocol(cursor: Cursor): { protocolId: "MQTT" | "MQIsdp"; protocolVersion: Level } {
  const name = cursor.text();
  const version = cursor.byte();
  if (name === "MQTT" && (version === 4 || version === 5)) return { protocolId: name, protocolVersion: version };
  if (name === "MQIsdp" && version === 3) return { protocolId: name, protocolVersion: version };
  const clause = name === "MQTT" ? "MQTT-3.1.2-2" : "MQTT-3.1.2-1";
  throw new ProtocolError(REASON.unsupportedProtocolVersion, `protocol version ${version} of this name`, clause);
}

function checkFlags(flags: number, level: Level): void {
  if (flags & RESERVED) throw malformed("the reserved connect flag is set", "MQTT-3.1.2-3");
  const willQos = (flags >> WILL_QOS_SHIFT) & 0b11;
  if (flags & WILL) {
    if (willQos === 3) throw malformed("will QoS 3", "MQTT-3.1.2-12");
  } else {
    if (willQos !== 0) throw malformed("a will QoS without a will", "MQTT-3.1.2-11");
    if (flags & WILL_RETAIN) throw malformed("will retain without a will", "MQTT-3.1.2-13");
  }
  // Of 3.1.1: MQTT 5 allows a password alone (3.1.2.9).
  if (level < 5 && flags & PASSWORD && !(flags & USER_NAME)) {
    throw malformed("a password without a user name", "MQTT-3.1.2-22");
  }
}

function readWill(cursor: Cursor, flags: number, level: Level): Will {
  const properties = level === 5 ? readWillProperties(cursor) : undefined;
  const topic = cursor.text();
  checkTopicName(topic);
  const payload = cursor.binary();
  if (properties?.payloadFormatIndicator && !isWellFormed(payload)) {
    throw new ProtocolError(REASON.payloadFormatInvalid, "a will's payload is no text", "3.1.3.2.3");
  }
  return {
    topic,
    payload,
    qos: ((flags >> WILL_QOS_SHIFT) & 0b11) as QoS,
    retain: (flags & WILL_RETAIN) !== 0,
    ...(properties && { properties }),
  };
}
