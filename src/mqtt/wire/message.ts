import type { QoS } from "./packets.ts";

/** Sent unaltered with a message [MQTT-3.3.2-4, -15, -16, -17, -18, -20]; all optional, all absent below MQTT 5. */
export type MessageProperties = {
  payloadFormatIndicator?: boolean;
  contentType?: string;
  responseTopic?: string;
  /** Base64, so that it survives JSON. */
  correlationData?: string;
  userProperties?: [name: string, value: string][];
};

/** An application message on its way through a hub. */
export type Message = {
  topic: string;
  payload: Uint8Array;
  qos: QoS;
  /** As published: a subscriber sees it only on retained messages, or with retain as published. */
  retain: boolean;
  properties: MessageProperties | null;
  publishedAt: number;
  /** From the message expiry interval; null never expires. */
  expiresAt: number | null;
};

/** A client's subscription to one topic filter. */
export type Subscription = {
  /** As requested, `$share/name/` included. */
  filter: string;
  qos: QoS;
  noLocal: boolean;
  retainAsPublished: boolean;
  retainHandling: 0 | 1 | 2;
  subscriptionIdentifier: number | null;
};
