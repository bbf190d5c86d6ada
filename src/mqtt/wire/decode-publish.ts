import { type Cursor, malformed, refused } from "./cursor.ts";
import { checkTopicName } from "./decode-topic.ts";
import { type Level, ProtocolError, type Publish, type QoS, REASON } from "./packets.ts";
import { readPublishProperties } from "./properties.ts";
import { isWellFormed } from "./utf8.ts";

// PUBLISH from a client (3.3).

const RETAIN = 0b0001;
const DUP = 0b1000;

export function decodePublish(cursor: Cursor, flags: number, level: Level): Publish {
  const qos = (flags >> 1) & 0b11;
  const dup = (flags & DUP) !== 0;
  if (qos === 3) throw malformed("QoS 3", "MQTT-3.3.1-4");
  if (dup && qos === 0) throw malformed("a duplicate with QoS 0", "MQTT-3.3.1-2");

  const packet: Publish = {
    cmd: "publish",
    topic: cursor.text(),
    payload: NOTHING,
    qos: qos as QoS,
    dup,
    retain: (flags & RETAIN) !== 0,
  };
  if (qos > 0) packet.messageId = cursor.packetIdentifier();
  const properties = level === 5 ? readPublishProperties(cursor) : undefined;
  if (properties) packet.properties = properties;
  packet.payload = cursor.rest();

  if (properties?.subscriptionIdentifier !== undefined) {
    throw refused("a client publishes with a subscription identifier", "MQTT-3.3.4-6");
  }
  // A topic alias may replace the name (3.3.2.1).
  if (packet.topic !== "" || properties?.topicAlias === undefined) checkTopicName(packet.topic);
  if (properties?.payloadFormatIndicator && !isWellFormed(packet.payload)) {
    throw new ProtocolError(REASON.payloadFormatInvalid, "a payload is not the text that it says it is", "3.3.2.3.2");
  }
  return packet;
}

const NOTHING = new Uint8Array(0);
