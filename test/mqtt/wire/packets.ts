import fc from "fast-check";
import type { ClientPacket, UserProperties } from "../../../src/mqtt/wire/packets.ts";

// Arbitrary client packets, for property tests and the fuzzer.

const text = fc.string({ unit: "grapheme", maxLength: 12 }).filter((value) => !value.includes("\0"));
const level = fc.oneof(fc.string({ unit: fc.constantFrom("a", "b", "é", "1", " "), maxLength: 3 }), fc.constant("$x"));
export const topicName = fc
  .array(level, { minLength: 1, maxLength: 5 })
  .map((levels) => levels.join("/"))
  .filter((name) => name !== "");
export const topicFilter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant("+")), { maxLength: 4 }), fc.boolean())
  .map(([levels, rest]) => [...levels, ...(rest ? ["#"] : [])].join("/"))
  .filter((filter) => filter !== "" && !filter.startsWith("$share/"));
const anyFilter = fc.oneof(
  topicFilter,
  topicFilter.map((filter) => `$share/g/${filter}`),
);

const bytes = fc.uint8Array({ maxLength: 20 });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const identifier = fc.integer({ min: 1, max: 0xffff });
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const name = fc.oneof(text, fc.constantFrom("__proto__", "constructor", "a", "1"));
const userProperties: fc.Arbitrary<UserProperties> = fc.array(fc.tuple(name, text), { minLength: 1, maxLength: 5 });

/** A record with some of these fields; absent ones are missing, as in the codec's packets. */
const some = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc
    .record(fields, { requiredKeys: [] })
    .map((made) => (Object.keys(made).length > 0 ? { properties: made } : {}) as { properties?: T });

const message = {
  messageExpiryInterval: uint32,
  contentType: text,
  responseTopic: topicName,
  correlationData: bytes,
  userProperties,
  payloadFormatIndicator: fc.constant(false),
};
const explanation = { reasonString: text, userProperties };

const connect5 = fc
  .tuple(
    // mqtt-packet encodes no empty identifier for a stored session, and we encode CONNECT only in tests.
    fc.record({ clean: fc.boolean(), keepalive: uint16, clientId: text.filter((id) => id !== "") }),
    some({
      sessionExpiryInterval: uint32,
      receiveMaximum: identifier,
      maximumPacketSize: fc.integer({ min: 1, max: 0xffff_ffff }),
      topicAliasMaximum: uint16,
      requestResponseInformation: fc.boolean(),
      requestProblemInformation: fc.boolean(),
      authenticationMethod: text,
      userProperties,
    }),
    fc.option(
      fc
        .tuple(
          fc.record({ topic: topicName, payload: bytes, qos, retain: fc.boolean() }),
          some({ ...message, willDelayInterval: uint32 }),
        )
        .map(([will, properties]) => ({ will: { ...will, ...properties } })),
    ),
    fc.option(fc.tuple(text, fc.option(bytes))),
  )
  .map(([fields, properties, will, names]) => ({
    cmd: "connect" as const,
    protocolId: "MQTT" as const,
    protocolVersion: 5 as const,
    ...fields,
    ...properties,
    ...will,
    ...(names && { username: names[0] }),
    ...(names?.[1] && { password: names[1] }),
  }));

const publish5 = fc
  .tuple(
    fc.record({ topic: topicName, payload: bytes, qos, dup: fc.boolean(), retain: fc.boolean() }),
    identifier,
    some({ ...message, topicAlias: identifier }),
  )
  .map(([fields, messageId, properties]) => ({
    cmd: "publish" as const,
    ...fields,
    ...properties,
    dup: fields.dup && fields.qos > 0,
    ...(fields.qos > 0 && { messageId }),
  }));

const ack = <Cmd extends string>(cmd: Cmd, codes: number[]) =>
  fc
    .tuple(identifier, fc.constantFrom(...codes), some(explanation))
    .map(([messageId, reasonCode, properties]) => ({ cmd, messageId, reasonCode, ...properties }));

const subscribe5 = fc
  .tuple(
    identifier,
    fc.array(fc.record({ topic: anyFilter, qos, nl: fc.boolean(), rap: fc.boolean(), rh: fc.constantFrom(0, 1, 2) }), {
      minLength: 1,
      maxLength: 4,
    }),
    some({ subscriptionIdentifier: fc.integer({ min: 1, max: 268_435_455 }), userProperties }),
  )
  .map(([messageId, options, properties]) => ({
    cmd: "subscribe" as const,
    messageId,
    subscriptions: options.map((each) => ({ ...each, nl: each.nl && !each.topic.startsWith("$share/") })),
    ...properties,
  }));

const unsubscribe5 = fc
  .tuple(identifier, fc.array(anyFilter, { minLength: 1, maxLength: 4 }), some({ userProperties }))
  .map(([messageId, unsubscriptions, properties]) => ({
    cmd: "unsubscribe" as const,
    messageId,
    unsubscriptions,
    ...properties,
  }));

const disconnect5 = fc
  .tuple(fc.constantFrom(0, 4, 0x80, 0x99), some({ ...explanation, sessionExpiryInterval: uint32 }))
  .map(([reasonCode, properties]) => ({ cmd: "disconnect" as const, reasonCode, ...properties }));

/** MQTT 5 only: it includes everything the others have. */
export const clientPacket = fc.oneof(
  connect5,
  publish5,
  ack("puback", [0, 0x10, 0x97]),
  ack("pubrec", [0, 0x10, 0x97]),
  ack("pubrel", [0, 0x92]),
  ack("pubcomp", [0, 0x92]),
  subscribe5,
  unsubscribe5,
  disconnect5,
  fc.constant({ cmd: "pingreq" as const }),
) as fc.Arbitrary<ClientPacket>;
