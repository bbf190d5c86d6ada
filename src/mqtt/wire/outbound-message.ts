import { QUEUED_MESSAGE_BYTES } from "../limits.ts";
import { encodePublish } from "./codec.ts";
import type { Message } from "./message.ts";
import type { Level, QoS } from "./packets.ts";

/** How a message is sent to one client. */
export type PublishHeader = {
  qos: QoS;
  dup: boolean;
  retain: boolean;
  /** 0 at QoS 0. */
  packetId: number;
  subscriptionIdentifiers: readonly number[] | null;
};

const DUP = 0x08;

/**
 * A message to any number of clients: encoded once for all with the same wrapping, with the packet identifier patched
 * into each copy.
 */
export class OutboundMessage {
  readonly message: Message;
  /** Remaining seconds of the message expiry interval when this was created [MQTT-3.3.2-6]. */
  readonly #expiryS: number | undefined;
  readonly #templates: (Uint8Array | undefined)[] = [];

  /** Memory that it takes while it is queued. */
  readonly bytes: number;

  constructor(message: Message, now: number) {
    this.bytes = memoryBytesOf(message);
    this.message = message;
    this.#expiryS = secondsLeft(message, now);
  }

  /**
   * Returns this envelope, or a new one with the expiry interval that remains now. Undefined if it has expired
   * [MQTT-3.3.2-5].
   */
  at(now: number): OutboundMessage | undefined {
    if (this.message.expiresAt === null) return this;
    if (this.message.expiresAt <= now) return undefined;
    return secondsLeft(this.message, now) === this.#expiryS ? this : new OutboundMessage(this.message, now);
  }

  /** The packet without alias, for a client of this level. The bytes may be shared: they must not be modified. */
  encode(level: Level, wrapping: PublishHeader): Uint8Array {
    const { qos, dup, retain, packetId, subscriptionIdentifiers } = wrapping;
    if (level === 5 && subscriptionIdentifiers?.length) return this.encodeWith(level, wrapping, undefined, false);
    const slot = (level === 5 ? 8 : 0) + qos * 2 + Number(retain);
    this.#templates[slot] ??= this.encodeWith(level, { ...wrapping, dup: false, packetId: 1 }, undefined, false);
    const template = this.#templates[slot];
    if (qos === 0) return template;
    const bytes = template.slice();
    const at = packetIdOffset(bytes);
    bytes[at] = packetId >> 8;
    bytes[at + 1] = packetId & 0xff;
    if (dup) bytes[0] = (bytes[0] as number) | DUP;
    return bytes;
  }

  /** The packet for a single client; with an alias that it knows, the topic name is omitted [MQTT-3.3.2-12]. */
  encodeWith(level: Level, wrapping: PublishHeader, alias: number | undefined, aliasKnown: boolean): Uint8Array {
    const { topic, payload, properties } = this.message;
    const { qos, dup, retain, packetId, subscriptionIdentifiers } = wrapping;
    return encodePublish(
      {
        topic: aliasKnown ? "" : topic,
        payload,
        qos,
        dup,
        retain,
        properties,
        messageId: packetId,
        messageExpiryInterval: this.#expiryS,
        topicAlias: alias,
        subscriptionIdentifiers: subscriptionIdentifiers ?? undefined,
      },
      level,
    );
  }
}

function memoryBytesOf({ topic, payload, properties }: Message): number {
  const bytes = QUEUED_MESSAGE_BYTES + topic.length + payload.length;
  if (!properties) return bytes;
  let more = (properties.correlationData?.length ?? 0) + (properties.responseTopic?.length ?? 0);
  more += properties.contentType?.length ?? 0;
  for (const [name, value] of properties.userProperties ?? []) more += USER_PROPERTY_BYTES + name.length + value.length;
  return bytes + more;
}

/** In addition to its name and value. */
const USER_PROPERTY_BYTES = 64;

const secondsLeft = ({ expiresAt }: Message, now: number) =>
  expiresAt === null ? undefined : Math.max(1, Math.ceil((expiresAt - now) / 1000));

/** After the fixed header and the topic name. */
function packetIdOffset(bytes: Uint8Array): number {
  let at = 1;
  while ((bytes[at++] as number) & 0x80);
  return at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
}
