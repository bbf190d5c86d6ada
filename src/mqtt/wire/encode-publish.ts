import type { MessageProperties } from "./message.ts";
import type { Level, QoS } from "./packets.ts";

/** A PUBLISH to one subscriber. */
export type OutgoingPublish = {
  /** Empty if only the alias is sent. */
  topic: string;
  payload: Uint8Array;
  qos: QoS;
  dup: boolean;
  retain: boolean;
  /** The packet identifier; unused at QoS 0. */
  messageId: number;
  /** This and the following are MQTT 5, and left out below. */
  properties?: MessageProperties | null | undefined;
  /** Remaining seconds [MQTT-3.3.2-6]. */
  messageExpiryInterval?: number | undefined;
  topicAlias?: number | undefined;
  subscriptionIdentifiers?: readonly number[] | undefined;
};

/** Encodes a PUBLISH in one pass into an array of the exact size: this is the hottest path of a broker. */
export function encodePublish(message: OutgoingPublish, level: Level): Uint8Array {
  const { topic, payload, qos } = message;
  const topicBytes = Buffer.byteLength(topic);
  const propertiesBytes = level === 5 ? propertiesLength(message) : 0;
  const remaining =
    2 +
    topicBytes +
    (qos > 0 ? 2 : 0) +
    (level === 5 ? varIntLength(propertiesBytes) + propertiesBytes : 0) +
    payload.length;

  const out = new Uint8Array(1 + varIntLength(remaining) + remaining);
  out[0] = 0x30 | (message.dup ? 0b1000 : 0) | (qos << 1) | (message.retain ? 1 : 0);
  let at = writeVarInt(out, 1, remaining);
  at = writeUint16(out, at, topicBytes);
  utf8Write.call(out, topic, at, topicBytes);
  at += topicBytes;
  if (qos > 0) at = writeUint16(out, at, message.messageId);
  if (level === 5) {
    at = writeVarInt(out, at, propertiesBytes);
    if (propertiesBytes > 0) at = writeProperties(out, at, message);
  }
  out.set(payload, at);
  return out;
}

const utf8Write = Buffer.prototype.utf8Write;

function propertiesLength({
  properties,
  messageExpiryInterval,
  topicAlias,
  subscriptionIdentifiers,
}: OutgoingPublish): number {
  let length = 0;
  if (messageExpiryInterval !== undefined) length += 5;
  if (topicAlias !== undefined) length += 3;
  for (const identifier of subscriptionIdentifiers ?? []) length += 1 + varIntLength(identifier);
  if (!properties) return length;

  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  if (payloadFormatIndicator !== undefined) length += 2;
  if (contentType !== undefined) length += 3 + Buffer.byteLength(contentType);
  if (responseTopic !== undefined) length += 3 + Buffer.byteLength(responseTopic);
  if (correlationData !== undefined) length += 3 + Buffer.byteLength(correlationData, "base64");
  for (const [name, value] of userProperties ?? []) length += 5 + Buffer.byteLength(name) + Buffer.byteLength(value);
  return length;
}

function writeProperties(out: Uint8Array, start: number, message: OutgoingPublish): number {
  const { properties, messageExpiryInterval, topicAlias, subscriptionIdentifiers } = message;
  let at = start;
  if (messageExpiryInterval !== undefined) {
    out[at++] = 0x02;
    at = writeUint16(out, at, messageExpiryInterval >>> 16);
    at = writeUint16(out, at, messageExpiryInterval);
  }
  if (topicAlias !== undefined) {
    out[at++] = 0x23;
    at = writeUint16(out, at, topicAlias);
  }
  for (const identifier of subscriptionIdentifiers ?? []) {
    out[at++] = 0x0b;
    at = writeVarInt(out, at, identifier);
  }
  return properties ? writeForwarded(out, at, properties) : at;
}

/** The publisher's properties, unaltered and in order [MQTT-3.3.2-17, MQTT-3.3.2-18]. */
function writeForwarded(out: Uint8Array, start: number, properties: MessageProperties): number {
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  let at = start;
  if (payloadFormatIndicator !== undefined) {
    out[at++] = 0x01;
    out[at++] = payloadFormatIndicator ? 1 : 0;
  }
  if (contentType !== undefined) {
    out[at++] = 0x03;
    at = writeText(out, at, contentType);
  }
  if (responseTopic !== undefined) {
    out[at++] = 0x08;
    at = writeText(out, at, responseTopic);
  }
  if (correlationData !== undefined) {
    const bytes = Buffer.from(correlationData, "base64");
    out[at++] = 0x09;
    at = writeUint16(out, at, bytes.length);
    out.set(bytes, at);
    at += bytes.length;
  }
  for (const [name, value] of userProperties ?? []) {
    out[at++] = 0x26;
    at = writeText(out, at, name);
    at = writeText(out, at, value);
  }
  return at;
}

function writeText(out: Uint8Array, at: number, text: string): number {
  const length = utf8Write.call(out, text, at + 2, out.length - at - 2);
  writeUint16(out, at, length);
  return at + 2 + length;
}

function writeUint16(out: Uint8Array, at: number, value: number): number {
  out[at] = value >>> 8;
  out[at + 1] = value;
  return at + 2;
}

const varIntLength = (value: number) => (value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4);

function writeVarInt(out: Uint8Array, start: number, value: number): number {
  let at = start;
  let left = value;
  while (left >= 0x80) {
    out[at++] = (left & 0x7f) | 0x80;
    left >>>= 7;
  }
  out[at++] = left;
  return at;
}
