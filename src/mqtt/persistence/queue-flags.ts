import type { QoS } from "../wire/packets.ts";

/** The small facts of a queued message, in the one integer that its row keeps them in. */
type QueueFlags = {
  /** To be sent with. */
  qos: 1 | 2;
  retain: boolean;
  /** PUBREC has come: the message is forgotten, only its packet identifier is kept [MQTT-4.3.3-5]. */
  released: boolean;
  /** As published. */
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
