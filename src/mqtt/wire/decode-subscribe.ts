import { type Cursor, malformed, refused } from "./cursor.ts";
import { checkTopicFilter } from "./decode-topic.ts";
import {
  type Level,
  ProtocolError,
  type QoS,
  REASON,
  type Subscribe,
  type TopicOptions,
  type Unsubscribe,
} from "./packets.ts";
import { readSubscribeProperties, readUnsubscribeProperties } from "./properties.ts";

// SUBSCRIBE (3.8) and UNSUBSCRIBE (3.10).

/**
 * Per packet. It is more than a session may have, and keeps a packet of the maximum size from becoming a million
 * objects.
 */
const FILTERS_MAX = 10_000;

export function decodeSubscribe(cursor: Cursor, level: Level): Subscribe {
  const packet: Subscribe = { cmd: "subscribe", messageId: cursor.packetIdentifier(), subscriptions: [] };
  const properties = level === 5 ? readSubscribeProperties(cursor) : undefined;
  if (properties) packet.properties = properties;
  if (cursor.left === 0) throw refused("a SUBSCRIBE without topic filters", "MQTT-3.8.3-2");
  while (cursor.left > 0) {
    packet.subscriptions.push(readTopicOptions(cursor, level));
    checkCount(packet.subscriptions.length);
  }
  return packet;
}

export function decodeUnsubscribe(cursor: Cursor, level: Level): Unsubscribe {
  const packet: Unsubscribe = { cmd: "unsubscribe", messageId: cursor.packetIdentifier(), unsubscriptions: [] };
  const properties = level === 5 ? readUnsubscribeProperties(cursor) : undefined;
  if (properties) packet.properties = properties;
  if (cursor.left === 0) throw refused("an UNSUBSCRIBE without topic filters", "MQTT-3.10.3-2");
  while (cursor.left > 0) {
    const filter = cursor.text();
    checkTopicFilter(filter);
    packet.unsubscriptions.push(filter);
    checkCount(packet.unsubscriptions.length);
  }
  return packet;
}

/** A topic filter and its options (3.8.3.1). */
function readTopicOptions(cursor: Cursor, level: Level): TopicOptions {
  const topic = cursor.text();
  const options = cursor.byte();
  const reserved = level === 5 ? 0b1100_0000 : 0b1111_1100;
  if (options & reserved) {
    throw malformed("reserved subscription options are set", level === 5 ? "MQTT-3.8.3-5" : "MQTT-3-8.3-4");
  }
  const qos = options & 0b11;
  if (qos === 3) throw refused("a subscription with QoS 3", "3.8.3.1");
  const { shared } = checkTopicFilter(topic);
  if (level < 5) return { topic, qos: qos as QoS };

  const nl = (options & 0b100) !== 0;
  if (nl && shared) throw refused("no local on a shared subscription", "MQTT-3.8.3-4");
  const rh = (options >> 4) & 0b11;
  if (rh === 3) throw refused("retain handling 3", "3.8.3.1");
  return { topic, qos: qos as QoS, nl, rap: (options & 0b1000) !== 0, rh: rh as 0 | 1 | 2 };
}

function checkCount(count: number): void {
  if (count > FILTERS_MAX) {
    throw new ProtocolError(REASON.quotaExceeded, `over ${FILTERS_MAX} topic filters in one packet`, "4.13.2");
  }
}
