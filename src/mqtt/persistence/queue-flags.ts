import type { QoS } from "../wire/packets.ts";

/** Flags of a queued message, packed into one integer of its row. */
type QueueFlags = {
  /** The QoS to send it with. */
  qos: 1 | 2;
  retain: boolean;
  /** PUBREC was received: the message is deleted, only its packet identifier is kept [MQTT-4.3.3-5]. */
  released: boolean;
  /** The QoS it was published with. */
  publishedQos: QoS;
  publishedRetain: boolean;
};

export const packFlags = ({ qos, retain, released, publishedQos, publishedRetain }: QueueFlags): number =>
  qos | (Number(retain) << 2) | (Number(released) << 3) | (publishedQos << 4) | (Number(publishedRetain) << 6);

export const unpackFlags = (flags: number): QueueFlags => ({
  qos: (flags & 3) as 1 | 2,
  retain: (flags & 4) !== 0,
  released: (flags & 8) !== 0,
  publishedQos: ((flags >> 4) & 3) as QoS,
  publishedRetain: (flags & 64) !== 0,
});
