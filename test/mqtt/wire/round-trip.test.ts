import { expect, test } from "bun:test";
import fc from "fast-check";
import * as mqttPacket from "mqtt-packet";
import { forwardedProperties } from "../../../src/mqtt/connections/forwarded-properties.ts";
import { decode, encode, encodePublish } from "../../../src/mqtt/wire/codec.ts";
import type { MessageProperties } from "../../../src/mqtt/wire/message.ts";
import type { Level, Packet, Publish, UserProperties } from "../../../src/mqtt/wire/packets.ts";
import { bytes, CLEAN, connect, counted, packet } from "./bytes.ts";
import { encodeAny } from "./encode-any.ts";
import { clientPacket, topicName } from "./packets.ts";

/** The same bytes, decoded by mqtt-packet. */
function parsedByMqttPacket(frame: Uint8Array, level: Level): mqttPacket.Packet {
  const parser = mqttPacket.parser({ protocolVersion: level });
  let parsed: mqttPacket.Packet | undefined;
  parser.on("packet", (each) => {
    parsed = each;
  });
  parser.on("error", (error) => {
    throw error;
  });
  expect(parser.parse(Buffer.from(frame))).toBe(0);
  if (!parsed) throw new Error("mqtt-packet made no packet of it");
  return parsed;
}

const levelFor = (sent: Packet) => (sent.cmd === "connect" ? null : 5);

test("encoded packets are decoded to the same values, to the last user property", () => {
  fc.assert(
    fc.property(clientPacket, (sent) => {
      expect(decode(encodeAny(sent), levelFor(sent))).toEqual(sent);
    }),
    { numRuns: 1_000 },
  );
});

/**
 * Without user properties (mqtt-packet decodes them in another form), nulls and the fields that only one of the two
 * has.
 */
function plain(value: object): object {
  const kept = Object.entries(value).flatMap(([name, each]): [string, unknown][] => {
    if (each === null || each === undefined || name === "userProperties" || name === "length") return [];
    if (each instanceof Uint8Array) return [[name, [...each]]];
    if (Array.isArray(each)) return [[name, each.map((one) => (typeof one === "object" ? plain(one) : one))]];
    return [[name, typeof each === "object" ? plain(each) : each]];
  });
  return Object.fromEntries(
    kept.filter(([name, each]) => name !== "properties" || Object.keys(each as object).length > 0),
  );
}

test("mqtt-packet decodes the same packets to the same values", () => {
  fc.assert(
    fc.property(clientPacket, (sent) => {
      const frame = encodeAny(sent);
      const other = parsedByMqttPacket(frame, 5);
      expect(plain(other)).toMatchObject(plain(decode(frame, levelFor(sent))));
    }),
    { numRuns: 500 },
  );
});

test("a PUBLISH is encoded as mqtt-packet encodes it, at every level", () => {
  const outgoing = fc.record({
    topic: topicName,
    payload: fc.uint8Array({ maxLength: 300 }),
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    dup: fc.boolean(),
    retain: fc.boolean(),
    messageId: fc.integer({ min: 1, max: 0xffff }),
    messageExpiryInterval: fc.option(fc.integer({ min: 0, max: 0xffff_ffff }), { nil: undefined }),
    topicAlias: fc.option(fc.integer({ min: 1, max: 0xffff }), { nil: undefined }),
    subscriptionIdentifiers: fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(outgoing, fc.constantFrom<Level>(3, 4, 5), (message, level) => {
      const { messageExpiryInterval, topicAlias, subscriptionIdentifiers } = message;
      const properties = {
        ...(messageExpiryInterval !== undefined && { messageExpiryInterval }),
        ...(topicAlias !== undefined && { topicAlias }),
        ...(subscriptionIdentifiers.length > 0 && { subscriptionIdentifier: subscriptionIdentifiers }),
      };
      const packetOfTheirs = { ...message, cmd: "publish", payload: Buffer.from(message.payload), properties };
      const theirs = mqttPacket.generate(packetOfTheirs as mqttPacket.Packet, { protocolVersion: level });
      expect(encodePublish(message, level)).toEqual(bytes(theirs));
    }),
  );
});

test("a forwarded message keeps its properties, in order [MQTT-3.3.2-17, MQTT-3.3.2-18]", () => {
  const properties: MessageProperties = {
    payloadFormatIndicator: true,
    contentType: "text/plain; charset=é",
    responseTopic: "answers/1",
    correlationData: Buffer.from([0, 1, 255]).toString("base64"),
    userProperties: [
      ["b", "1"],
      ["__proto__", "2"],
      ["b", ""],
    ],
  };
  const fields = { topic: "t/ü", payload: bytes("hello"), qos: 1 as const, dup: false, retain: true, messageId: 9 };
  const there = decode(
    encodePublish({ ...fields, properties, topicAlias: 4, messageExpiryInterval: 60 }, 5),
    5,
  ) as Publish;
  expect(there).toMatchObject({ cmd: "publish", ...fields });
  expect(there.properties).toMatchObject({ topicAlias: 4, messageExpiryInterval: 60 });
  expect(forwardedProperties(there.properties)).toEqual(properties);
  expect(forwardedProperties({ messageExpiryInterval: 60 })).toBeNull();
  expect(forwardedProperties(undefined)).toBeNull();
});

test("large payloads and long names are measured in bytes", () => {
  for (const size of [0, 125, 126, 127, 16_380, 16_384, 2_097_152]) {
    const message = { topic: "é", payload: new Uint8Array(size).fill(7), qos: 0 as const, dup: false, retain: false };
    for (const level of [4, 5] as const) {
      expect(decode(encodePublish({ ...message, messageId: 0 }, level), level)).toEqual({ cmd: "publish", ...message });
    }
  }
});

test("mqtt-packet is as lenient as assumed: it accepts malformed packets, which is why we decode ourselves", () => {
  const lenient: [Uint8Array, Level][] = [
    [packet(0x30, counted(0xff)), 4],
    [packet(0x30, counted("a/#")), 4],
    [packet(0x32, counted("a"), 0, 0), 4],
    [packet(0x82, 0, 1), 4],
    [connect(4, CLEAN, counted("c"), "trailing"), 4],
    [connect(5, CLEAN, [3, 0x21, 0, 0], counted("c")), 5],
    [connect(5, CLEAN, [2, 0x17, 9], counted("c")), 5],
  ];
  for (const [frame, level] of lenient) expect(parsedByMqttPacket(frame, level)).toBeDefined();
});

test("packets of the server keep the order of their user properties, though no decoder of ours reads them", () => {
  const userProperties: UserProperties = [
    ["b", "1"],
    ["a", "2"],
    ["b", "3"],
  ];
  const connack = encode(
    { cmd: "connack", reasonCode: 0x87, sessionPresent: false, properties: { userProperties } },
    5,
  );
  const pairs = userProperties.flatMap(([name, value]) => [0x26, counted(name), counted(value)]);
  expect(bytes(connack)).toEqual(packet(0x20, 0, 0x87, 21, ...pairs));
});
