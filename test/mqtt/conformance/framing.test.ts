import { expect } from "bun:test";
import { ALL, type Broker, type Client, FIVE, onLevels, ours } from "./broker-under-test.ts";

// Bytes that are not a packet, or not one that a client may send. Each ends its connection, by its clause.

const MALFORMED = 0x81;
const PROTOCOL_ERROR = 0x82;
const TOPIC_NAME_INVALID = 0x90;

/** A packet built by hand, which the codec would not write. */
function packet(first: number, ...parts: (number[] | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? utf8(part) : Buffer.from(part))));
  if (body.length > 127) throw new Error("too long for one byte of length");
  return Buffer.concat([Buffer.from([first, body.length]), body]);
}

const utf8 = (text: string | Uint8Array) => {
  const bytes = Buffer.from(text as Uint8Array);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

/** Empty properties where MQTT 5 has them. */
const none = (broker: Broker) => (broker.level === 5 ? [0] : []);

/** Each of these ends a connection of its own. */
async function refusesAll(broker: Broker, code: number | number[], packets: Record<string, Uint8Array>): Promise<void> {
  for (const [what, bytes] of Object.entries(packets)) {
    const wire = await broker.client("panel");
    wire.send(bytes);
    await expectRefused(broker, wire, what, [code].flat());
  }
}

async function expectRefused(broker: Broker, wire: Client, what: string, codes: number[]): Promise<void> {
  try {
    const disconnect = await wire.expectClosed();
    if (broker.isReference || broker.level < 5) return;
    expect(codes).toContain(disconnect?.["reasonCode"]);
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : error}`);
  }
}

onLevels(ALL, "a packet may arrive byte by byte, and many at once", async (broker) => {
  const wire = await broker.open();
  const bytes = Buffer.concat([
    wire.bytesOf(broker.connectAs("panel")),
    wire.bytesOf({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "hall", qos: 1 }] }),
  ]);
  for (const byte of bytes) {
    wire.send(Uint8Array.of(byte));
    await wire.flushed();
  }
  await wire.expect("connack");
  await wire.expect("suback", { granted: [1] });
  const long = "x".repeat(20_000);
  wire.send(
    ...Array.from({ length: 50 }, (_, i) => ({ cmd: "publish", topic: "hall", payload: `${i}` })),
    { cmd: "publish", topic: "hall", payload: long },
    { cmd: "pingreq" },
  );
  for (let i = 0; i < 50; i++) await wire.expect("publish", { payload: `${i}` });
  await wire.expect("publish", { payload: long });
  await wire.expect("pingresp");
});

onLevels(ALL, "packet types that are reserved, or only for servers, are refused", async (broker) => {
  const packets = {
    "type 0": Uint8Array.of(0x00, 0),
    CONNACK: packet(0x20, [0, 0], none(broker)),
    // The reference accepts these from its bridges, and therefore from any client.
    ...(!broker.isReference && {
      SUBACK: packet(0x90, [0, 1], none(broker), [0]),
      UNSUBACK: packet(0xb0, [0, 1], none(broker), broker.level === 5 ? [0] : []),
      PINGRESP: Uint8Array.of(0xd0, 0),
    }),
    ...(broker.level < 5 && { "type 15": Uint8Array.of(0xf0, 0) }),
  };
  await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR], packets);
});

// MQTT 3.1 has a QoS and the DUP flag for SUBSCRIBE, UNSUBSCRIBE and PUBREL too.
onLevels([4, 5], "flags of the fixed header are those of table 2-2 [MQTT-2.1.3-1]", async (broker) => {
  await refusesAll(broker, MALFORMED, {
    SUBSCRIBE: packet(0x80, [0, 1], none(broker), "a", [0]), // [MQTT-3.8.1-1]
    UNSUBSCRIBE: packet(0xa0, [0, 1], none(broker), "a"), // [MQTT-3.10.1-1]
    PUBREL: packet(0x60, [0, 1]), // [MQTT-3.6.1-1]
    "PUBLISH of QoS 3": packet(0x36, "a", [0, 1], none(broker), [120]), // [MQTT-3.3.1-4]
  });
});

ours(ALL, "flags of the fixed header are those of table 2-2, where the reference does not check", async (broker) => {
  await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR], {
    PINGREQ: Uint8Array.of(0xc1, 0),
    PUBACK: packet(0x41, [0, 1]),
    PUBREC: packet(0x51, [0, 1]),
    PUBCOMP: packet(0x71, [0, 1]),
    "PUBLISH of QoS 0 as a duplicate": packet(0x38, "a", none(broker), [120]), // [MQTT-3.3.1-2]
  });
});

onLevels(ALL, "a remaining length has at most four bytes", async (broker) => {
  await refusesAll(broker, [MALFORMED, 0x95], { "five bytes": Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff, 0x7f) });
});

ours(FIVE, "a variable byte integer has the shortest form [MQTT-1.5.5-1]", async (broker) => {
  await refusesAll(broker, MALFORMED, {
    "the remaining length": Buffer.concat([Uint8Array.of(0x30, 0x85, 0x00), utf8("a"), Uint8Array.of(0, 120)]),
    "the length of properties": packet(0x30, "a", [0x80, 0x00], [120]),
    "a subscription identifier": packet(0x82, [0, 1], [3, 0x0b, 0x81, 0x00], "a", [0]),
  });
});

onLevels(ALL, "a packet identifier of 0 is invalid [MQTT-2.2.1-3]", async (broker) => {
  await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR], {
    SUBSCRIBE: packet(0x82, [0, 0], none(broker), "a", [0]),
    UNSUBSCRIBE: packet(0xa2, [0, 0], none(broker), "a"),
    "PUBLISH of QoS 1": packet(0x32, "a", [0, 0], none(broker), [120]),
    "PUBLISH of QoS 2": packet(0x34, "a", [0, 0], none(broker), [120]),
  });
});

ours(ALL, "a packet identifier of 0 acknowledges nothing", async (broker) => {
  await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR], {
    PUBACK: packet(0x40, [0, 0]),
    PUBREC: packet(0x50, [0, 0]),
    PUBREL: packet(0x62, [0, 0]),
    PUBCOMP: packet(0x70, [0, 0]),
  });
});

onLevels([4, 5], "SUBSCRIBE and UNSUBSCRIBE name at least one filter [MQTT-3.8.3-2, MQTT-3.10.3-2]", async (broker) => {
  await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR], {
    SUBSCRIBE: packet(0x82, [0, 1], none(broker)),
    UNSUBSCRIBE: packet(0xa2, [0, 1], none(broker)),
  });
});

onLevels(ALL, "reserved bits of subscription options are 0, and QoS 3 is invalid [MQTT-3.8.3-5]", async (broker) => {
  const options = broker.level === 5 ? [0x03, 0x30, 0x40, 0x80] : [0x03, 0x80];
  const packets = options.map((bits) => [`options ${bits}`, packet(0x82, [0, 1], none(broker), "a", [bits])]);
  await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR], Object.fromEntries(packets));
});

onLevels(ALL, "a topic name has no wildcards [MQTT-3.3.2-2]", async (broker) => {
  const codes = [TOPIC_NAME_INVALID, MALFORMED, PROTOCOL_ERROR];
  await refusesAll(broker, codes, {
    "#": packet(0x30, "a/#", none(broker), [120]),
    "+": packet(0x30, "a/+/b", none(broker), [120]),
    "+ within a level": packet(0x30, "a+", none(broker), [120]),
  });
});

onLevels(ALL, "a topic name has at least one character [MQTT-4.7.3-1]", async (broker) => {
  const codes = [TOPIC_NAME_INVALID, MALFORMED, PROTOCOL_ERROR];
  await refusesAll(broker, codes, { "an empty topic": packet(0x30, "", none(broker), [120]) });
});

const BAD_UTF8: Record<string, number[]> = {
  "a surrogate": [0xed, 0xa0, 0x80],
  "a lone continuation": [0x80],
  "an overlong slash": [0xc0, 0xaf],
  "a truncated character": [0xe2, 0x82],
  "beyond Unicode": [0xf4, 0x90, 0x80, 0x80],
  NUL: [0x00], // [MQTT-1.5.4-2], [MQTT-4.7.3-2]
};

onLevels(ALL, "strings are well-formed UTF-8 without NUL [MQTT-1.5.4-1, -2]", async (broker) => {
  for (const [what, bytes] of Object.entries(BAD_UTF8)) {
    const bad = [0, bytes.length + 1, 97, ...bytes];
    await refusesAll(broker, [MALFORMED, TOPIC_NAME_INVALID, PROTOCOL_ERROR, 0x8f], {
      [`${what} in a topic name`]: packet(0x30, bad, none(broker), [120]),
      [`${what} in a filter`]: packet(0x82, [0, 1], none(broker), bad, [0]),
    });
  }
});

ours(
  ALL,
  "a client identifier, a user name and a filter in UNSUBSCRIBE are well-formed too [MQTT-3.1.3-4]",
  async (broker) => {
    const name = broker.level === 3 ? "MQIsdp" : "MQTT";
    for (const bytes of Object.values(BAD_UTF8)) {
      const bad = [0, bytes.length, ...bytes];
      const wire = await broker.open();
      wire.send(packet(0x10, name, [broker.level, 0x02, 0, 0], none(broker), bad));
      await broker.refusesConnect(wire, MALFORMED, 0x85, 2);
      const named = await broker.open();
      named.send(packet(0x10, name, [broker.level, 0x82, 0, 0], none(broker), "a", bad));
      await broker.refusesConnect(named, MALFORMED, 0x86, 4);
      await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR, 0x8f], { filter: packet(0xa2, [0, 1], none(broker), bad) });
    }
  },
);

onLevels(ALL, "a byte order mark is an ordinary character [MQTT-1.5.4-3]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("\ufeffa");
  wire.send({ cmd: "publish", topic: "a", payload: "without" }, { cmd: "publish", topic: "\ufeffa", payload: "with" });
  expect((await wire.next())["payload"].toString()).toBe("with");
  await wire.expectQuiet();
});

onLevels(ALL, "a packet is neither shorter nor longer than its fields", async (broker) => {
  await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR], {
    "PUBLISH without all of its topic": packet(0x30, [0, 5, 97]),
    "PUBLISH without its identifier": packet(0x32, "a"),
    "SUBSCRIBE without options": packet(0x82, [0, 1], none(broker), "a"),
    "SUBSCRIBE without all of its filter": packet(0x82, [0, 1], none(broker), [0, 5, 97]),
    "UNSUBSCRIBE without all of its filter": packet(0xa2, [0, 1], none(broker), [0, 5, 97]),
    "PUBACK of one byte": packet(0x40, [1]),
  });
});

ours(ALL, "a packet has nothing after its fields", async (broker) => {
  await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR], {
    PINGREQ: packet(0xc0, [0]),
    ...(broker.level < 5 && { PUBACK: packet(0x40, [0, 1, 0]), DISCONNECT: packet(0xe0, [0]) }),
    ...(broker.level === 5 && {
      PUBACK: packet(0x40, [0, 1, 0, 0, 0]),
      DISCONNECT: packet(0xe0, [0, 0, 0]),
      PUBREL: packet(0x62, [0, 1, 0, 5, 0]),
    }),
  });
});

onLevels(FIVE, "properties belong to their packet, occur once, and are in range", async (broker) => {
  await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR, 0x94], {
    "topic alias 0 [MQTT-3.3.2-8]": packet(0x30, "a", [3, 0x23, 0, 0], [120]),
    "a topic alias twice": packet(0x30, "a", [6, 0x23, 0, 1, 0x23, 0, 1], [120]),
    "a receive maximum in PUBLISH": packet(0x30, "a", [3, 0x21, 0, 1], [120]),
    "an unknown property": packet(0x30, "a", [2, 0x7f, 0], [120]),
    "properties that end before they are whole": packet(0x30, "a", [2, 0x23, 0], [120]),
    "properties longer than their packet": packet(0x30, "a", [99, 0x23, 0, 1]),
    "a subscription identifier of 0": packet(0x82, [0, 1], [2, 0x0b, 0], "a", [0]),
    "a message expiry in SUBSCRIBE": packet(0x82, [0, 1], [5, 0x02, 0, 0, 0, 1], "a", [0]),
  });
});

ours(FIVE, "properties belong to their packet, where the reference does not check", async (broker) => {
  await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR], {
    "a subscription identifier by a client [MQTT-3.3.4-6]": packet(0x30, "a", [2, 0x0b, 1], [120]),
    "a payload format that is neither 0 nor 1": packet(0x30, "a", [2, 0x01, 2], [120]),
    "a response topic with a wildcard [MQTT-3.3.2-14]": packet(0x30, "a", [6, 0x08, 0, 3, 97, 47, 35], [120]),
    "a subscription identifier twice": packet(0x82, [0, 1], [4, 0x0b, 1, 0x0b, 2], "a", [0]),
    "a reason string twice in PUBACK": packet(0x40, [0, 1, 0, 8, 0x1f, 0, 1, 97, 0x1f, 0, 1, 97]),
    "a content type of bad UTF-8": packet(0x30, "a", [4, 0x03, 0, 1, 0xff], [120]),
    "a user property of bad UTF-8": packet(0x30, "a", [7, 0x26, 0, 1, 0xff, 0, 1, 97], [120]),
    "a session expiry twice in DISCONNECT": packet(0xe0, [0, 10, 0x11, 0, 0, 0, 0, 0x11, 0, 0, 0, 0]),
  });
});

ours(FIVE, "reason codes belong to their packet", async (broker) => {
  await refusesAll(broker, [MALFORMED, PROTOCOL_ERROR], {
    "PUBACK 0x01": packet(0x40, [0, 1, 0x01, 0]),
    "PUBREL 0x80": packet(0x62, [0, 1, 0x80, 0]),
    "DISCONNECT 0x03": packet(0xe0, [0x03, 0]),
    "DISCONNECT 0x8E, which only a server says": packet(0xe0, [0x8e, 0]),
  });
});
