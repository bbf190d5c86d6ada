import type { IConnackPacket, ISubackPacket, IUnsubackPacket, QoS } from "mqtt-packet";

// Packets of the codec. Fields have the names of mqtt-packet, which encodes most of them.

export type { QoS };

/** Protocol levels: 3 is MQTT 3.1 (`MQIsdp`), 4 is 3.1.1, 5 is 5.0. */
export type Level = 3 | 4 | 5;

/** In the order of the packet, repeated names included [MQTT-3.3.2-18]: an object could not keep either. */
export type UserProperties = [name: string, value: string][];

export type MessageFields = {
  payloadFormatIndicator?: boolean;
  messageExpiryInterval?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: Uint8Array;
  userProperties?: UserProperties;
};
export type PublishProperties = MessageFields & {
  topicAlias?: number;
  /** From a server only [MQTT-3.3.4-6]; one for each subscription that matched. */
  subscriptionIdentifier?: number[];
};
export type WillProperties = MessageFields & { willDelayInterval?: number };
export type ConnectProperties = {
  sessionExpiryInterval?: number;
  receiveMaximum?: number;
  maximumPacketSize?: number;
  topicAliasMaximum?: number;
  requestResponseInformation?: boolean;
  requestProblemInformation?: boolean;
  authenticationMethod?: string;
  authenticationData?: Uint8Array;
  userProperties?: UserProperties;
};
type Explanation = { reasonString?: string; userProperties?: UserProperties };

export type Will = { topic: string; payload: Uint8Array; qos: QoS; retain: boolean; properties?: WillProperties };
export type Connect = {
  cmd: "connect";
  protocolId: "MQTT" | "MQIsdp";
  protocolVersion: Level;
  clean: boolean;
  keepalive: number;
  clientId: string;
  will?: Will;
  username?: string;
  password?: Uint8Array;
  properties?: ConnectProperties;
};
export type Publish = {
  cmd: "publish";
  /** Empty if a topic alias replaces it. */
  topic: string;
  /** A view of the received bytes: copy it to keep it longer than the packet. */
  payload: Uint8Array;
  qos: QoS;
  dup: boolean;
  retain: boolean;
  /** At QoS 1 and 2 only [MQTT-2.2.1-2]. */
  messageId?: number;
  properties?: PublishProperties;
};
export type Ack<Cmd = "puback" | "pubrec" | "pubrel" | "pubcomp"> = {
  cmd: Cmd;
  messageId: number;
  reasonCode?: number;
  properties?: Explanation;
};
type AnyAck = Ack<"puback"> | Ack<"pubrec"> | Ack<"pubrel"> | Ack<"pubcomp">;
export type TopicOptions = {
  topic: string;
  qos: QoS;
  /** MQTT 5: no local, retain as published, retain handling. */
  nl?: boolean;
  rap?: boolean;
  rh?: 0 | 1 | 2;
};
export type Subscribe = {
  cmd: "subscribe";
  messageId: number;
  subscriptions: TopicOptions[];
  properties?: { subscriptionIdentifier?: number; userProperties?: UserProperties };
};
export type Unsubscribe = {
  cmd: "unsubscribe";
  messageId: number;
  unsubscriptions: string[];
  properties?: { userProperties?: UserProperties };
};
export type Disconnect = {
  cmd: "disconnect";
  reasonCode?: number;
  properties?: Explanation & { sessionExpiryInterval?: number; serverReference?: string };
};
export type Auth = {
  cmd: "auth";
  reasonCode: number;
  properties?: Explanation & { authenticationMethod?: string; authenticationData?: Uint8Array };
};

/** Packets of a client. */
export type ClientPacket =
  | Connect
  | Publish
  | AnyAck
  | Subscribe
  | Unsubscribe
  | { cmd: "pingreq" }
  | Disconnect
  | Auth;

type Ordered<P extends { properties?: unknown }> = Omit<P, "properties"> & {
  properties?: Omit<NonNullable<P["properties"]>, "userProperties"> & { userProperties?: UserProperties };
};
export type Connack = Ordered<IConnackPacket>;
type Suback = Ordered<ISubackPacket>;
type Unsuback = Ordered<IUnsubackPacket>;

/** Packets of the server, except PUBLISH. */
export type ServerPacket = Connack | Suback | Unsuback | AnyAck | { cmd: "pingresp" } | Disconnect | Auth;

export type Packet = ClientPacket | ServerPacket;

/** Reason codes of MQTT 5 (2.4). For MQTT 3 the encoder of the packet translates them. */
export const REASON = {
  success: 0x00,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  unspecified: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecific: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
} as const;
export type ReasonCode = (typeof REASON)[keyof typeof REASON];

/** The client broke the protocol, or exceeded a limit that ends its connection. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
  readonly reasonCode: ReasonCode;
  /**
   * The clause that it broke, such as `MQTT-3.1.0-2`; if the standard gives it no number, the section, such as
   * `3.8.2.1.2`.
   */
  readonly clause: string;

  constructor(reasonCode: ReasonCode, message: string, clause: string) {
    super(message);
    this.reasonCode = reasonCode;
    this.clause = clause;
  }
}
