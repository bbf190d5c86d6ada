import type { Message, MessageProperties } from "../wire/message.ts";
import type { QoS } from "../wire/packets.ts";

/** A will as the client sent it in CONNECT. */
export type StoredWill = {
  topic: string;
  payload: Uint8Array;
  qos: QoS;
  retain: boolean;
  properties: MessageProperties | null;
  /** Seconds from the end of the connection until it is published; 0 below MQTT 5. */
  delayS: number;
  /** Its message expiry interval, which starts when the will is published. */
  messageExpiryS: number | null;
};

/** A will that is due. `publishMessage` with its `will` publishes it exactly once, even across a crash. */
export type WillDue = { will: number; hubId: string; deviceId: string; message: Message };
