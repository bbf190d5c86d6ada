import type {
  IConnackPacket,
  IConnectPacket,
  IDisconnectPacket,
  IPublishPacket,
  ISubackPacket,
  ISubscribePacket,
  IUnsubackPacket,
  IUnsubscribePacket,
  Packet,
  QoS,
} from "mqtt-packet";

// Packets as the codec has them, under the names of the standards.

export type { Packet, QoS };
export type Connect = IConnectPacket;
export type Connack = IConnackPacket;
export type Publish = Omit<IPublishPacket, "payload"> & { payload: Uint8Array };
export type Subscribe = ISubscribePacket;
export type Suback = ISubackPacket;
export type Unsubscribe = IUnsubscribePacket;
export type Unsuback = IUnsubackPacket;
export type Disconnect = IDisconnectPacket;

/** Protocol levels: 3 is MQTT 3.1 (`MQIsdp`), 4 is 3.1.1, 5 is 5.0. */
export type Level = 3 | 4 | 5;

/** Reason codes of MQTT 5 (2.4). Where MQTT 3 has a code of its own for it, the encoder of that packet knows. */
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

/** The client broke the protocol, or a limit that ends its connection. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
  readonly reasonCode: ReasonCode;
  /** The clause that demands it, such as `MQTT-3.1.0-2`. */
  readonly clause: string;

  constructor(reasonCode: ReasonCode, message: string, clause: string) {
    super(message);
    this.reasonCode = reasonCode;
    this.clause = clause;
  }
}
