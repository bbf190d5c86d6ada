import { expect, test } from "bun:test";
import { decode } from "../../../src/mqtt/wire/codec.ts";
import { TOPIC_LEVELS_MAX } from "../../../src/mqtt/wire/topics.ts";
import { bytes, CLEAN, connect, counted, packet, properties, uint16, uint32 } from "./bytes.ts";
import { refusedAt } from "./refusals.ts";

// Every way in which a packet after CONNECT can be wrong. A clause without a number is given by its section.

const [MALFORMED, PROTOCOL] = [0x81, 0x82];
const id = uint16(1);
const deep = "/".repeat(TOPIC_LEVELS_MAX);

refusedAt(
  [3, 4, 5],
  [
    ["a second CONNECT", connect(4, CLEAN, counted("c")), PROTOCOL, "MQTT-3.1.0-2"],
    ["CONNACK from a client", packet(0x20, 0, 0), PROTOCOL, "2.1.2"],
    ["SUBACK from a client", packet(0x90, id, 0), PROTOCOL, "2.1.2"],
    ["UNSUBACK from a client", packet(0xb0, id), PROTOCOL, "2.1.2"],
    ["PINGRESP from a client", packet(0xd0), PROTOCOL, "2.1.2"],
    ["PINGREQ with a body", packet(0xc0, 0), MALFORMED, "MQTT-4.13.1-1"],
    ["PUBLISH with QoS 3", packet(0x36, counted("a"), id, 0), MALFORMED, "MQTT-3.3.1-4"],
    ["a duplicate with QoS 0", packet(0x38, counted("a"), 0), MALFORMED, "MQTT-3.3.1-2"],
    ["PUBLISH with packet identifier 0", packet(0x32, counted("a"), 0, 0, 0), PROTOCOL, "MQTT-2.2.1-3"],
    ["an empty PUBLISH", packet(0x30), MALFORMED, "MQTT-4.13.1-1"],
    ["PUBLISH that ends in its topic name", packet(0x30, 0, 5, "abc"), MALFORMED, "MQTT-4.13.1-1"],
    ["PUBLISH with QoS 1 that ends before its identifier", packet(0x32, counted("a"), 0), MALFORMED, "MQTT-4.13.1-1"],
    ["a topic name with #", packet(0x30, counted("a/#"), 0), PROTOCOL, "MQTT-3.3.2-2"],
    ["a topic name with +", packet(0x30, counted("a+"), 0), PROTOCOL, "MQTT-3.3.2-2"],
    ["an empty topic name", packet(0x30, counted(""), 0), PROTOCOL, "MQTT-4.7.3-1"],
    ["a topic name with NUL", packet(0x30, counted("a\0"), 0), MALFORMED, "MQTT-1.5.4-2"],
    ["NUL after non-ASCII bytes", packet(0x30, counted("é\0"), 0), MALFORMED, "MQTT-1.5.4-2"],
    ["a topic name with a lone byte", packet(0x30, counted("a", 0x80), 0), MALFORMED, "MQTT-1.5.4-1"],
    ["a topic name with a surrogate", packet(0x30, counted(0xed, 0xbf, 0xbf), 0), MALFORMED, "MQTT-1.5.4-1"],
    [
      "a topic name with a surrogate pair",
      packet(0x30, counted(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80), 0),
      MALFORMED,
      "MQTT-1.5.4-1",
    ],
    ["NUL in its overlong form", packet(0x30, counted(0xc0, 0x80), 0), MALFORMED, "MQTT-1.5.4-1"],
    ["a truncated character", packet(0x30, counted(0xe2, 0x82), 0), MALFORMED, "MQTT-1.5.4-1"],
    ["a character past U+10FFFF", packet(0x30, counted(0xf4, 0x90, 0x80, 0x80), 0), MALFORMED, "MQTT-1.5.4-1"],
    ["a topic name of too many levels, our limit", packet(0x30, counted(deep), 0), 0x90, "4.7.3"],
  ],
);

const acks: [name: string, first: number, clause: string][] = [
  ["PUBACK", 0x40, "MQTT-3.4.2-1"],
  ["PUBREC", 0x50, "MQTT-3.5.2-1"],
  ["PUBREL", 0x62, "MQTT-3.6.2-1"],
  ["PUBCOMP", 0x70, "MQTT-3.7.2-1"],
];
for (const [name, first, clause] of acks) {
  refusedAt(
    [3, 4, 5],
    [
      [`${name} of packet identifier 0`, packet(first, 0, 0), PROTOCOL, "MQTT-2.2.1-3"],
      [`an empty ${name}`, packet(first), MALFORMED, "MQTT-4.13.1-1"],
      [`half a ${name}`, packet(first, 0), MALFORMED, "MQTT-4.13.1-1"],
    ],
  );
  refusedAt([3, 4], [[`${name} with a reason code`, packet(first, id, 0), MALFORMED, "MQTT-4.13.1-1"]]);
  refusedAt(
    [5],
    [
      [`${name} with another packet's reason code`, packet(first, id, 0x8e), PROTOCOL, clause],
      [`${name} with another packet's property`, packet(first, id, 0, properties(0x23, 0, 1)), MALFORMED, "2.2.2.2"],
      [
        `${name} with a reason string twice`,
        packet(first, id, 0, properties(0x1f, 0, 0, 0x1f, 0, 0)),
        PROTOCOL,
        "2.2.2.2",
      ],
      [`${name} with trailing bytes`, packet(first, id, 0, properties(), 0), MALFORMED, "MQTT-4.13.1-1"],
    ],
  );
}

test("level 5: each acknowledgement has its own reason codes [MQTT-3.4.2-1, 3.5.2-1, 3.6.2-1, 3.7.2-1]", () => {
  const taken = (first: number) =>
    Array.from({ length: 256 }, (_, code) => code).filter((code) => {
      try {
        return decode(packet(first, id, code), 5);
      } catch {
        return false;
      }
    });
  const received = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
  expect(taken(0x40)).toEqual(received);
  expect(taken(0x50)).toEqual(received);
  expect(taken(0x62)).toEqual([0x00, 0x92]);
  expect(taken(0x70)).toEqual([0x00, 0x92]);
});

const publish5 = (...given: Uint8Array[]) => packet(0x30, counted("a"), properties(...given), "x");
const unread = bytes(0x30, 0x88, 0x00, counted("a"), 0, "abcd");
refusedAt(
  [5],
  [
    ["topic alias 0", publish5(bytes(0x23, 0, 0)), 0x94, "MQTT-3.3.2-8"],
    ["a subscription identifier from a client", publish5(bytes(0x0b, 1)), PROTOCOL, "MQTT-3.3.4-6"],
    ["a response topic with wildcards", publish5(bytes(8, counted("a/#"))), PROTOCOL, "MQTT-3.3.2-14"],
    ["an empty response topic", publish5(bytes(8, counted(""))), PROTOCOL, "MQTT-3.3.2-14"],
    ["a response topic that is not UTF-8", publish5(bytes(8, counted(0xff))), MALFORMED, "MQTT-1.5.4-1"],
    ["a content type with NUL", publish5(bytes(3, counted("\0"))), MALFORMED, "MQTT-1.5.4-2"],
    ["a payload format of 2", publish5(bytes(1, 2)), PROTOCOL, "3.3.2.3.2"],
    [
      "a payload that is not the UTF-8 it claims to be",
      packet(0x30, counted("a"), properties(1, 1), 0xff),
      0x99,
      "3.3.2.3.2",
    ],
    ["a property of CONNECT", publish5(bytes(0x11, uint32(1))), MALFORMED, "2.2.2.2"],
    ["a will delay", publish5(bytes(0x18, uint32(1))), MALFORMED, "2.2.2.2"],
    ["PUBLISH without a property length", packet(0x30, counted("a")), MALFORMED, "MQTT-4.13.1-1"],
    ["properties longer than the PUBLISH", packet(0x30, counted("a"), 7, 1, 1), MALFORMED, "MQTT-4.13.1-1"],
    ["a padded remaining length", unread, MALFORMED, "MQTT-1.5.5-1"],
    ["a message expiry twice", publish5(bytes(2, uint32(1), 2, uint32(1))), PROTOCOL, "2.2.2.2"],
    ["a topic alias twice", publish5(bytes(0x23, id, 0x23, id)), PROTOCOL, "2.2.2.2"],
    ["a payload format twice", publish5(bytes(1, 0, 1, 0)), PROTOCOL, "2.2.2.2"],
    ["a content type twice", publish5(bytes(3, 0, 0, 3, 0, 0)), PROTOCOL, "2.2.2.2"],
    ["correlation data twice", publish5(bytes(9, 0, 0, 9, 0, 0)), PROTOCOL, "2.2.2.2"],
  ],
);
test("level 3, 4: a remaining length may be padded, and properties are payload", () => {
  expect(decode(unread, 4)).toMatchObject({ payload: bytes(0, "abcd") });
});

const subscribe = (level: number, filter: Uint8Array, options: number) =>
  packet(0x82, id, level === 5 ? properties() : [], filter, options);
const unsubscribe = (level: number, filter: Uint8Array) => packet(0xa2, id, level === 5 ? properties() : [], filter);
for (const level of [3, 4, 5] as const) {
  const none = level === 5 ? properties() : bytes();
  const filters: [sentence: string, filter: Uint8Array, code: number, clause: string][] = [
    ["an empty filter", counted(""), PROTOCOL, "MQTT-4.7.3-1"],
    ["a # that is not the last", counted("#/a"), PROTOCOL, "MQTT-4.7.1-1"],
    ["a # that is not alone on its level", counted("a#"), PROTOCOL, "MQTT-4.7.1-1"],
    ["a + that is not alone on its level", counted("a/b+"), PROTOCOL, "MQTT-4.7.1-1"],
    ["a filter with NUL", counted("a\0"), MALFORMED, "MQTT-1.5.4-2"],
    ["a filter that is not UTF-8", counted(0xff), MALFORMED, "MQTT-1.5.4-1"],
    ["a share without a name", counted("$share//a"), PROTOCOL, "MQTT-4.8.2-2"],
    ["a share without a filter", counted("$share/g"), PROTOCOL, "MQTT-4.8.2-2"],
    ["a share with an empty filter", counted("$share/g/"), PROTOCOL, "MQTT-4.8.2-2"],
    ["a share with a wildcard for a name", counted("$share/+/a"), PROTOCOL, "MQTT-4.8.2-2"],
    ["a filter of too many levels, our limit", counted(deep), 0x8f, "4.7.3"],
  ];
  refusedAt(
    [level],
    filters.flatMap(([sentence, filter, code, clause]) => [
      [`SUBSCRIBE to ${sentence}`, subscribe(level, filter, 0), code, clause],
      [`UNSUBSCRIBE from ${sentence}`, unsubscribe(level, filter), code, clause],
    ]),
  );
  refusedAt(
    [level],
    [
      ["SUBSCRIBE without filters", packet(0x82, id, none), PROTOCOL, "MQTT-3.8.3-2"],
      ["UNSUBSCRIBE without filters", packet(0xa2, id, none), PROTOCOL, "MQTT-3.10.3-2"],
      ["SUBSCRIBE with packet identifier 0", packet(0x82, 0, 0, none, counted("a"), 0), PROTOCOL, "MQTT-2.2.1-3"],
      ["UNSUBSCRIBE with packet identifier 0", packet(0xa2, 0, 0, none, counted("a")), PROTOCOL, "MQTT-2.2.1-3"],
      ["SUBSCRIBE without options", packet(0x82, id, none, counted("a")), MALFORMED, "MQTT-4.13.1-1"],
      ["SUBSCRIBE that ends in a filter", packet(0x82, id, none, 0, 9, "a"), MALFORMED, "MQTT-4.13.1-1"],
      ["UNSUBSCRIBE that ends in a filter", packet(0xa2, id, none, 0, 9, "a"), MALFORMED, "MQTT-4.13.1-1"],
      ["SUBSCRIBE with QoS 3", subscribe(level, counted("a"), 3), PROTOCOL, "3.8.3.1"],
    ],
  );
}
refusedAt([3, 4], [["the options of MQTT 5", packet(0x82, id, counted("a"), 4), MALFORMED, "MQTT-3-8.3-4"]]);
refusedAt(
  [4, 5],
  [
    ["a repeated SUBSCRIBE", packet(0x8a, id, 0, counted("a"), 0), MALFORMED, "MQTT-3.8.1-1"],
    ["a repeated UNSUBSCRIBE", packet(0xaa, id, 0, counted("a")), MALFORMED, "MQTT-3.10.1-1"],
    ["a repeated PUBREL", packet(0x6a, id), MALFORMED, "MQTT-3.6.1-1"],
  ],
);
refusedAt(
  [5],
  [
    ["reserved subscription options", subscribe(5, counted("a"), 0x40), MALFORMED, "MQTT-3.8.3-5"],
    ["retain handling 3", subscribe(5, counted("a"), 0x30), PROTOCOL, "3.8.3.1"],
    ["no local on a shared subscription", subscribe(5, counted("$share/g/a"), 4), PROTOCOL, "MQTT-3.8.3-4"],
    ["subscription identifier 0", packet(0x82, id, properties(0x0b, 0), counted("a"), 0), PROTOCOL, "3.8.2.1.2"],
    [
      "a padded subscription identifier",
      packet(0x82, id, properties(0x0b, 0x81, 0), counted("a"), 0),
      MALFORMED,
      "MQTT-1.5.5-1",
    ],
    [
      "a subscription identifier twice",
      packet(0x82, id, properties(0x0b, 1, 0x0b, 2), counted("a"), 0),
      PROTOCOL,
      "2.2.2.2",
    ],
    ["a reason string in SUBSCRIBE", packet(0x82, id, properties(0x1f, 0, 0), counted("a"), 0), MALFORMED, "2.2.2.2"],
    [
      "a subscription identifier in UNSUBSCRIBE",
      packet(0xa2, id, properties(0x0b, 1), counted("a")),
      MALFORMED,
      "2.2.2.2",
    ],
  ],
);

const many = Array.from({ length: 10_001 }, () => bytes(0, 1, "a"));
refusedAt(
  [5],
  [
    ["UNSUBSCRIBE from over 10 000 filters, our limit", packet(0xa2, id, 0, ...many), 0x97, "4.13.2"],
    [
      "SUBSCRIBE to over 10 000 filters, our limit",
      packet(0x82, id, 0, ...many.map((each) => bytes(each, 0))),
      0x97,
      "4.13.2",
    ],
  ],
);

refusedAt(
  [3, 4],
  [
    ["DISCONNECT with a body", packet(0xe0, 0), MALFORMED, "MQTT-4.13.1-1"],
    ["AUTH", packet(0xf0, 0x18, properties(0x15, counted("m"))), MALFORMED, "2.2.1"],
  ],
);
refusedAt(
  [5],
  [
    ["DISCONNECT with a reason code for servers only", packet(0xe0, 0x8e), PROTOCOL, "MQTT-3.14.2-1"],
    ["DISCONNECT with an unassigned reason code", packet(0xe0, 0x01), PROTOCOL, "MQTT-3.14.2-1"],
    ["DISCONNECT with trailing bytes", packet(0xe0, 0, properties(), 0), MALFORMED, "MQTT-4.13.1-1"],
    ["DISCONNECT with another packet's property", packet(0xe0, 0, properties(0x21, 0, 1)), MALFORMED, "2.2.2.2"],
    [
      "DISCONNECT with a session expiry twice",
      packet(0xe0, 0, properties(0x11, uint32(1), 0x11, uint32(1))),
      PROTOCOL,
      "2.2.2.2",
    ],
    ["an empty AUTH, which means success", packet(0xf0), PROTOCOL, "MQTT-3.15.2-1"],
    [
      "AUTH with success, which only a server may send",
      packet(0xf0, 0, properties(0x15, counted("m"))),
      PROTOCOL,
      "MQTT-3.15.2-1",
    ],
    ["AUTH without a method", packet(0xf0, 0x18, properties()), PROTOCOL, "3.15.2.2.2"],
    ["AUTH with trailing bytes", packet(0xf0, 0x18, properties(0x15, counted("m")), 0), MALFORMED, "MQTT-4.13.1-1"],
  ],
);
test("level 5: AUTH may continue and may start again", () => {
  expect(decode(packet(0xf0, 0x19, properties(0x15, counted("m"), 0x16, counted(1))), 5)).toEqual({
    cmd: "auth",
    reasonCode: 0x19,
    properties: { authenticationMethod: "m", authenticationData: bytes(1) },
  });
});
