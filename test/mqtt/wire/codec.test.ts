import { expect, test } from "bun:test";
import { decode, encode, levelOf } from "../../../src/mqtt/wire/codec.ts";
import { bytes, CLEAN, connect, counted, packet, properties, uint16, uint32 } from "./bytes.ts";

test("a CONNECT of each level is decoded", () => {
  expect(decode(connect(3, CLEAN, counted("panel")), null)).toEqual({
    cmd: "connect",
    protocolId: "MQIsdp",
    protocolVersion: 3,
    clean: true,
    keepalive: 60,
    clientId: "panel",
  });
  expect(decode(connect(4, 0xc0, counted("panel"), counted("user"), counted("pass")), null)).toEqual({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: false,
    keepalive: 60,
    clientId: "panel",
    username: "user",
    password: bytes("pass"),
  });
  const given = properties(0x11, uint32(3600), 0x21, uint16(10), 0x27, uint32(4096), 0x22, uint16(5), 0x17, 0, 0x19, 1);
  const willProperties = properties(0x18, uint32(5), 0x01, 1, 0x08, counted("answers"), 0x09, counted(0, 255));
  const will = [willProperties, counted("last/words"), counted("gone")];
  expect(decode(connect(5, 0b0010_1110, given, counted(""), ...will), null)).toEqual({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 5,
    clean: true,
    keepalive: 60,
    clientId: "",
    properties: {
      sessionExpiryInterval: 3600,
      receiveMaximum: 10,
      maximumPacketSize: 4096,
      topicAliasMaximum: 5,
      requestProblemInformation: false,
      requestResponseInformation: true,
    },
    will: {
      topic: "last/words",
      payload: bytes("gone"),
      qos: 1,
      retain: true,
      properties: {
        willDelayInterval: 5,
        payloadFormatIndicator: true,
        responseTopic: "answers",
        correlationData: bytes(0, 255),
      },
    },
  });
});

test("a password without user name needs MQTT 5 (3.1.2.9), an empty identifier below it needs a clean session", () => {
  expect(decode(connect(5, 0b0100_0000, properties(), counted(""), counted("jwt")), null)).toMatchObject({
    clean: false,
    password: bytes("jwt"),
  });
  expect(decode(connect(4, CLEAN, counted("")), null)).toMatchObject({ clientId: "" });
});

test("MQTT 3.1 may announce a user name and a password that are absent, and repeat requests with the DUP flag", () => {
  expect(decode(connect(3, 0xc2, counted("panel")), null)).not.toHaveProperty("username");
  expect(decode(packet(0x8a, uint16(1), counted("a"), 0), 3)).toMatchObject({ cmd: "subscribe" });
  expect(decode(packet(0x6a, uint16(1)), 3)).toEqual({ cmd: "pubrel", messageId: 1 });
});

test("a PUBLISH keeps its user properties in order, repeated and strange names included [MQTT-3.3.2-18]", () => {
  const pairs = [
    ["b", "1"],
    ["a", "2"],
    ["b", ""],
    ["__proto__", "x"],
    ["", "empty"],
    ["10", "y"],
    ["a", "3"],
  ] as [string, string][];
  const given = properties(...pairs.flatMap(([name, value]) => [0x26, counted(name), counted(value)]));
  const published = decode(packet(0x3d, counted("t"), uint16(7), given, "hello"), 5);
  expect(published).toEqual({
    cmd: "publish",
    topic: "t",
    qos: 2,
    dup: true,
    retain: true,
    messageId: 7,
    properties: { userProperties: pairs },
    payload: bytes("hello"),
  });
});

test("a topic alias may replace the topic name", () => {
  expect(decode(packet(0x30, counted(""), properties(0x23, uint16(3)), "x"), 5)).toMatchObject({
    topic: "",
    properties: { topicAlias: 3 },
  });
});

test("a byte order mark is an ordinary character [MQTT-1.5.4-3]", () => {
  expect(decode(packet(0x30, counted(0xef, 0xbb, 0xbf, "a")), 4)).toMatchObject({ topic: "\ufeffa" });
});

test("subscriptions are decoded with their options, shared ones included", () => {
  const filters = [counted("a/+/#"), 0b0001_1101, counted("$share/group/a/#"), 0b0010_0010];
  expect(decode(packet(0x82, uint16(9), properties(0x0b, 0x80, 0x01), ...filters), 5)).toEqual({
    cmd: "subscribe",
    messageId: 9,
    properties: { subscriptionIdentifier: 128 },
    subscriptions: [
      { topic: "a/+/#", qos: 1, nl: true, rap: true, rh: 1 },
      { topic: "$share/group/a/#", qos: 2, nl: false, rap: false, rh: 2 },
    ],
  });
  expect(decode(packet(0x82, uint16(9), counted("a"), 2), 4)).toEqual({
    cmd: "subscribe",
    messageId: 9,
    subscriptions: [{ topic: "a", qos: 2 }],
  });
  expect(decode(packet(0xa2, uint16(9), properties(), counted("a"), counted("b")), 5)).toEqual({
    cmd: "unsubscribe",
    messageId: 9,
    unsubscriptions: ["a", "b"],
  });
});

test("default reason codes and empty properties may be omitted", () => {
  expect(decode(packet(0x40, uint16(1)), 5)).toEqual({ cmd: "puback", messageId: 1, reasonCode: 0 });
  expect(decode(packet(0x50, uint16(1), 0x97), 5)).toEqual({ cmd: "pubrec", messageId: 1, reasonCode: 0x97 });
  expect(decode(packet(0x70, uint16(1), 0x92, properties(0x1f, counted("late"))), 5)).toEqual({
    cmd: "pubcomp",
    messageId: 1,
    reasonCode: 0x92,
    properties: { reasonString: "late" },
  });
  expect(decode(packet(0xe0), 5)).toEqual({ cmd: "disconnect", reasonCode: 0 });
  expect(decode(packet(0xe0), 4)).toEqual({ cmd: "disconnect" });
  expect(decode(packet(0xe0, 4), 5)).toEqual({ cmd: "disconnect", reasonCode: 4 });
  expect(decode(packet(0xc0), 4)).toEqual({ cmd: "pingreq" });
});

test("the level of a CONNECT is recognised even if the rest of it is wrong", () => {
  expect(levelOf(connect(5, 0xff))).toBe(5);
  expect(levelOf(connect(4, CLEAN, counted("x"), "trailing"))).toBe(4);
  for (const frame of [packet(0x10), packet(0x10, counted("MQTT"), 6), packet(0x10, counted("HTTP"), 5)]) {
    expect(levelOf(frame)).toBeUndefined();
  }
});

test("CONNACK and SUBACK use the codes of their level", () => {
  const connack = (reasonCode: number, level: 3 | 4 | 5) => [
    ...encode({ cmd: "connack", reasonCode, sessionPresent: true }, level),
  ];
  expect(connack(0, 5)).toEqual([0x20, 3, 1, 0, 0]);
  expect(connack(0x87, 5)).toEqual([0x20, 3, 0, 0x87, 0]);
  expect(connack(0, 4)).toEqual([0x20, 2, 1, 0]);
  expect(connack(0, 3)).toEqual([0x20, 2, 0, 0]);
  const told = [0x84, 0x85, 0x88, 0x89, 0x86, 0x87, 0x81, 0x9f].map((code) => connack(code, 4)[3]);
  expect(told).toEqual([1, 2, 3, 3, 4, 5, 5, 5]);

  const suback = (level: 3 | 4 | 5) => [
    ...encode({ cmd: "suback", messageId: 258, granted: [0, 2, 0x87, 0x8f] }, level),
  ];
  expect(suback(5)).toEqual([0x90, 7, 1, 2, 0, 0, 2, 0x87, 0x8f]);
  expect(suback(4)).toEqual([0x90, 6, 1, 2, 0, 2, 0x80, 0x80]);
  expect([...encode({ cmd: "unsuback", messageId: 258, granted: [0, 0x11] }, 5)]).toEqual([0xb0, 5, 1, 2, 0, 0, 0x11]);
  expect([...encode({ cmd: "unsuback", messageId: 258, granted: [0, 0x11] }, 4)]).toEqual([0xb0, 2, 1, 2]);
});

test("acknowledgements are as short as possible", () => {
  for (const level of [3, 4, 5] as const) {
    expect([...encode({ cmd: "puback", messageId: 0xfffe }, level)]).toEqual([0x40, 2, 0xff, 0xfe]);
    expect([...encode({ cmd: "pubrel", messageId: 1, reasonCode: 0 }, level)]).toEqual([0x62, 2, 0, 1]);
  }
  expect([...encode({ cmd: "pubrec", messageId: 1, reasonCode: 0x97 }, 4)]).toEqual([0x50, 2, 0, 1]);
  expect([...encode({ cmd: "pubrec", messageId: 1, reasonCode: 0x97 }, 5)]).toEqual([0x50, 4, 0, 1, 0x97, 0]);
  expect([...encode({ cmd: "pingresp" }, 4)]).toEqual([0xd0, 0]);
  expect([...encode({ cmd: "disconnect", reasonCode: 0x8e }, 5)]).toEqual([0xe0, 2, 0x8e, 0]);
});
