import type { Message, MessageProperties } from "../wire/message.ts";
import type { QoS } from "../wire/packets.ts";

/** A will as its client left it with CONNECT. */
export type StoredWill = {
  topic: string;
  payload: Uint8Array;
  qos: QoS;
  retain: boolean;
  properties: MessageProperties | null;
  /** Seconds between the end of the connection and the message; 0 below MQTT 5. */
  delayS: number;
  /** Its message expiry interval, which begins when it is published. */
  messageExpiryS: number | null;
};

/** A will whose time has come. Published with `publishMessage` and its `will`, it is published once though the server may die. */
export type WillDue = { will: number; hubId: string; deviceId: string; message: Message };
