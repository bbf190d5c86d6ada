import { bytes, CLEAN, connect, counted, packet, properties, uint16, uint32 } from "./bytes.ts";
import { refusedAt } from "./refusals.ts";

// Every way in which a CONNECT can be wrong (3.1). A clause without a number is given by its section.

const [MALFORMED, PROTOCOL] = [0x81, 0x82];
const WILL = 0b0000_0110;
const none = properties();

const v4 = (flags: number, ...payload: Uint8Array[]) => connect(4, flags, ...payload);
const v5 = (...given: Uint8Array[]) => connect(5, CLEAN, properties(...given), counted("c"));
const will5 = (given: Uint8Array, topic = counted("w"), payload = counted("x")) =>
  connect(5, WILL, none, counted("c"), given, topic, payload);

refusedAt(
  [null],
  [
    ["anything before CONNECT", packet(0xc0), PROTOCOL, "MQTT-3.1.0-1"],
    ["a PUBLISH before CONNECT", packet(0x30, counted("a")), PROTOCOL, "MQTT-3.1.0-1"],
    ["the name of another protocol", packet(0x10, counted("HTTP"), 4, 2, 0, 0, counted("c")), 0x84, "MQTT-3.1.2-1"],
    ["the name in lower case", packet(0x10, counted("mqtt"), 4, 2, 0, 0, counted("c")), 0x84, "MQTT-3.1.2-1"],
    ["level 6", packet(0x10, counted("MQTT"), 6, 2, 0, 0, counted("c")), 0x84, "MQTT-3.1.2-2"],
    ["level 3 under the new name", packet(0x10, counted("MQTT"), 3, 2, 0, 0, counted("c")), 0x84, "MQTT-3.1.2-2"],
    ["level 4 under the old name", packet(0x10, counted("MQIsdp"), 4, 2, 0, 0, counted("c")), 0x84, "MQTT-3.1.2-1"],
    ["the bridges' level 132", packet(0x10, counted("MQTT"), 132, 2, 0, 0, counted("c")), 0x84, "MQTT-3.1.2-2"],
    ["an empty CONNECT", packet(0x10), MALFORMED, "MQTT-4.13.1-1"],
    ["a CONNECT that ends in its name", packet(0x10, 0, 4, "MQ"), MALFORMED, "MQTT-4.13.1-1"],
    ["a CONNECT that ends before its flags", packet(0x10, counted("MQTT"), 4), MALFORMED, "MQTT-4.13.1-1"],
    ["a CONNECT that ends in its keep alive", packet(0x10, counted("MQTT"), 4, 2, 0), MALFORMED, "MQTT-4.13.1-1"],
    ["a CONNECT without a client identifier", v4(CLEAN), MALFORMED, "MQTT-4.13.1-1"],
    ["the reserved flag", v4(CLEAN | 1, counted("c")), MALFORMED, "MQTT-3.1.2-3"],
    ["a will QoS without a will", v4(CLEAN | 0b1000, counted("c")), MALFORMED, "MQTT-3.1.2-11"],
    ["will retain without a will", v4(CLEAN | 0b10_0000, counted("c")), MALFORMED, "MQTT-3.1.2-13"],
    ["will QoS 3", v4(WILL | 0b1_1000, counted("c"), counted("w"), counted("")), MALFORMED, "MQTT-3.1.2-12"],
    ["an absent will", v4(WILL, counted("c")), MALFORMED, "MQTT-4.13.1-1"],
    ["a will without a payload", v4(WILL, counted("c"), counted("w")), MALFORMED, "MQTT-4.13.1-1"],
    ["a will with wildcards", v4(WILL, counted("c"), counted("w/#"), counted("")), PROTOCOL, "MQTT-3.3.2-2"],
    ["a will without a topic", v4(WILL, counted("c"), counted(""), counted("")), PROTOCOL, "MQTT-4.7.3-1"],
    ["a password without a user name", v4(0x42, counted("c"), counted("p")), MALFORMED, "MQTT-3.1.2-22"],
    ["the same at level 3", connect(3, 0x42, counted("c"), counted("p")), MALFORMED, "MQTT-3.1.2-22"],
    ["an absent user name", v4(0x82, counted("c")), MALFORMED, "MQTT-4.13.1-1"],
    ["an absent password", v4(0xc2, counted("c"), counted("u")), MALFORMED, "MQTT-4.13.1-1"],
    ["a user name that no flag announces", v4(CLEAN, counted("c"), counted("u")), MALFORMED, "MQTT-4.13.1-1"],
    ["one byte too many", v4(CLEAN, counted("c"), bytes(0)), MALFORMED, "MQTT-4.13.1-1"],
    ["an empty client identifier for a stored session", v4(0, counted("")), 0x85, "MQTT-3.1.3-8"],
    ["NUL in a client identifier", v4(CLEAN, counted("a\0b")), MALFORMED, "MQTT-1.5.4-2"],
    ["a lone byte in a client identifier", v4(CLEAN, counted(0xff)), MALFORMED, "MQTT-1.5.4-1"],
    ["a surrogate in a user name", v4(0x82, counted("c"), counted(0xed, 0xa0, 0x80)), MALFORMED, "MQTT-1.5.4-1"],
    ["an overlong form in a will topic", v4(WILL, counted("c"), counted(0xc1, 0xa1)), MALFORMED, "MQTT-1.5.4-1"],
  ],
);

refusedAt(
  [null],
  [
    ["receive maximum 0", v5(bytes(0x21, 0, 0)), PROTOCOL, "3.1.2.11.3"],
    ["maximum packet size 0", v5(bytes(0x27, uint32(0))), PROTOCOL, "3.1.2.11.4"],
    ["request response information 2", v5(bytes(0x19, 2)), PROTOCOL, "3.1.2.11.6"],
    ["request problem information 2", v5(bytes(0x17, 2)), PROTOCOL, "3.1.2.11.7"],
    ["authentication data without a method", v5(bytes(0x16, counted("x"))), PROTOCOL, "3.1.2.11.10"],
    ["a property of PUBLISH", v5(bytes(0x23, 0, 1)), MALFORMED, "2.2.2.2"],
    ["a property of CONNACK", v5(bytes(0x13, 0, 1)), MALFORMED, "2.2.2.2"],
    ["a will's property outside the will", v5(bytes(0x18, uint32(1))), MALFORMED, "2.2.2.2"],
    ["an unknown property", v5(bytes(0x7f, 1)), MALFORMED, "2.2.2.2"],
    ["a property identifier of two bytes", v5(bytes(0x91, 0x00, uint32(1))), MALFORMED, "MQTT-1.5.5-1"],
    ["a property that ends too early", v5(bytes(0x11, 0, 0)), MALFORMED, "MQTT-4.13.1-1"],
    ["a user property without a value", v5(bytes(0x26, counted("a"))), MALFORMED, "MQTT-4.13.1-1"],
    ["NUL in a user property", v5(bytes(0x26, counted("a"), counted("\0"))), MALFORMED, "MQTT-1.5.4-2"],
    ["no property length", connect(5, CLEAN), MALFORMED, "MQTT-4.13.1-1"],
    ["properties longer than the packet", connect(5, CLEAN, 9, counted("c")), MALFORMED, "MQTT-4.13.1-1"],
    ["a padded property length", connect(5, CLEAN, 0x80, 0, counted("c")), MALFORMED, "MQTT-1.5.5-1"],
    ["a property length of five bytes", connect(5, CLEAN, [255, 255, 255, 255, 1]), MALFORMED, "MQTT-1.5.5-1"],
    ["a will payload that is not UTF-8", will5(properties(1, 1), counted("w"), counted(0xff)), 0x99, "3.1.3.2.3"],
    ["a will's response topic with wildcards", will5(properties(8, counted("a/+"))), PROTOCOL, "MQTT-3.3.2-14"],
    ["a will with a topic alias", will5(properties(0x23, 0, 1)), MALFORMED, "2.2.2.2"],
    ["a will with a session expiry", will5(properties(0x11, uint32(1))), MALFORMED, "2.2.2.2"],
    ["a payload format of 2", will5(properties(1, 2)), PROTOCOL, "3.3.2.3.2"],
  ],
);

const once: [name: string, bytes: Uint8Array][] = [
  ["session expiry", bytes(0x11, uint32(1))],
  ["receive maximum", bytes(0x21, uint16(1))],
  ["maximum packet size", bytes(0x27, uint32(1))],
  ["topic alias maximum", bytes(0x22, uint16(0))],
  ["request response information", bytes(0x19, 0)],
  ["request problem information", bytes(0x17, 0)],
  ["authentication method", bytes(0x15, counted(""))],
];
refusedAt(
  [null],
  once.map(([name, property]) => [`${name} twice`, v5(property, property), PROTOCOL, "2.2.2.2"]),
);

const onceInWill: [name: string, bytes: Uint8Array][] = [
  ["will delay", bytes(0x18, uint32(0))],
  ["payload format", bytes(0x01, 0)],
  ["message expiry", bytes(0x02, uint32(1))],
  ["content type", bytes(0x03, counted(""))],
  ["response topic", bytes(0x08, counted("a"))],
  ["correlation data", bytes(0x09, counted(""))],
];
refusedAt(
  [null],
  onceInWill.map(([name, property]) => [
    `a will's ${name} twice`,
    will5(properties(property, property)),
    PROTOCOL,
    "2.2.2.2",
  ]),
);

const manyNames = Array.from({ length: 1001 }, () => bytes(0x26, counted(""), counted("")));
refusedAt([null], [["over 1 000 user properties, which is a limit of ours", v5(...manyNames), 0x97, "4.13.2"]]);
