import { expect } from "bun:test";
import { ALL, FIVE, OLD, onLevels, ours } from "./broker-under-test.ts";

// CONNECT and CONNACK. Clauses are numbered as in MQTT 5.0; clauses only of 3.1.1 are marked so.

const MALFORMED = 0x81;
const PROTOCOL_ERROR = 0x82;

/** A CONNECT built by hand, which the codec would not write. */
function connectBytes(parts: { name?: string; level?: number; flags?: number; rest?: number[] } = {}): Buffer {
  const { name = "MQTT", level = 4, flags = 0x02, rest = [0, 0] } = parts;
  const body = Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([level, flags, 0, 0, ...(level === 5 ? [0] : []), ...rest]),
  ]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}

onLevels(ALL, "a client that sends anything before CONNECT is disconnected [MQTT-3.1.0-1]", async (broker) => {
  const before = [
    { cmd: "pingreq" },
    { cmd: "publish", topic: "a", payload: "x" },
    { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 0 }] },
    { cmd: "disconnect" },
  ];
  for (const packet of before) {
    const wire = await broker.open();
    wire.send(packet);
    // There is no DISCONNECT before a CONNACK [MQTT-3.14.0-1].
    expect(await wire.expectClosed()).toBeUndefined();
  }
});

onLevels(ALL, "a second CONNECT ends the connection [MQTT-3.1.0-2]", async (broker) => {
  const wire = await broker.client("panel");
  wire.send(broker.connectAs("panel"));
  await broker.refuses(wire, PROTOCOL_ERROR);
});

onLevels(ALL, "CONNACK is the first packet, and sent once [MQTT-3.2.0-1, MQTT-3.2.0-2]", async (broker) => {
  const wire = await broker.open();
  wire.send(broker.connectAs("panel"), { cmd: "pingreq" });
  await wire.expect("connack", { sessionPresent: false });
  await wire.expect("pingresp");
  await wire.expectQuiet();
});

onLevels(ALL, "packets sent right after CONNECT are accepted [MQTT-3.1.4-5]", async (broker) => {
  const wire = await broker.open();
  wire.send(
    broker.connectAs("panel"),
    { cmd: "subscribe", messageId: 7, subscriptions: [{ topic: "hall", qos: 0 }] },
    { cmd: "publish", topic: "hall", payload: "light" },
  );
  await wire.expect("connack");
  await wire.expect("suback", { messageId: 7, granted: [0] });
  await wire.expect("publish", { topic: "hall", payload: "light" });
});

onLevels([4], "a wrong protocol name ends the connection [MQTT-3.1.2-1]", async (broker) => {
  for (const name of ["MQTs", "mqtt", "", "MQIsdp5"]) {
    const wire = await broker.open();
    wire.send(connectBytes({ name }));
    await broker.refusesConnect(wire, 0x01, 0x84);
  }
});

onLevels([4], "an unknown level is refused with CONNACK 0x01 [MQTT-3.1.2-2 of 3.1.1]", async (broker) => {
  const wire = await broker.open();
  wire.send(connectBytes({ level: 6 }));
  await broker.refusesConnect(wire, 0x01, 0x84);
});

onLevels([4], "CONNECT's reserved flag must be 0 [MQTT-3.1.2-3]", async (broker) => {
  const wire = await broker.open();
  wire.send(connectBytes({ flags: 0x03 }));
  expect(await wire.expectClosed()).toBeUndefined();
});

onLevels(
  [4],
  "a will's QoS and retain need the will flag, and QoS 3 is invalid [MQTT-3.1.2-11, -12, -13]",
  async (broker) => {
    const will = [0, 1, 97, 0, 1, 97, 0, 1, 97];
    for (const parts of [{ flags: 0x0a }, { flags: 0x22 }, { flags: 0x1e, rest: will }]) {
      const wire = await broker.open();
      wire.send(connectBytes(parts));
      expect(await wire.expectClosed()).toBeUndefined();
    }
  },
);

onLevels([4], "a password needs a user name [MQTT-3.1.2-22 of 3.1.1]", async (broker) => {
  const wire = await broker.open();
  wire.send(connectBytes({ flags: 0x42, rest: [0, 1, 97, 0, 1, 97] }));
  expect(await wire.expectClosed()).toBeUndefined();
});

onLevels([4], "a CONNECT has all fields that its flags announce, and nothing after them", async (broker) => {
  const incomplete = [
    connectBytes({ rest: [] }),
    connectBytes({ flags: 0x82, rest: [0, 1, 97] }),
    connectBytes({ flags: 0x06, rest: [0, 1, 97, 0, 1, 97] }),
    connectBytes({ rest: [0, 9, 97] }),
    connectBytes({ rest: [0, 1, 97, 0] }),
  ];
  for (const bytes of incomplete) {
    const wire = await broker.open();
    wire.send(bytes);
    expect(await wire.expectClosed()).toBeUndefined();
  }
});

onLevels([4], "an empty client identifier needs a clean session [MQTT-3.1.3-8 of 3.1.1]", async (broker) => {
  const wire = await broker.open();
  expect(await wire.connect(broker.connectAs("", { clean: false }))).toMatchObject({
    returnCode: 2,
    sessionPresent: false,
  });
  expect(await wire.expectClosed()).toBeUndefined();
  const clean = await broker.client("");
  await clean.expectQuiet();
});

onLevels(
  FIVE,
  "a client without a client identifier is assigned one [MQTT-3.1.3-6, -7, MQTT-3.2.2-16]",
  async (broker) => {
    const names = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const wire = await broker.client("");
      const assigned = wire.connack["properties"].assignedClientIdentifier;
      expect(assigned).toMatch(/^.+$/);
      names.add(assigned);
    }
    expect(names.size).toBe(3);
  },
);

onLevels(FIVE, "an assigned client identifier finds its session again [MQTT-3.1.3-7]", async (broker) => {
  const first = await broker.lasting("");
  const name = first.connack["properties"].assignedClientIdentifier;
  await first.disconnect();
  const again = await broker.lasting(name);
  expect(again.connack["sessionPresent"]).toBe(true);
  expect(again.connack["properties"]?.assignedClientIdentifier).toBeUndefined();
});

onLevels(
  ALL,
  "client identifiers of 1 to 23 letters and digits are accepted, and longer ones too [MQTT-3.1.3-5]",
  async (broker) => {
    for (const name of ["a", "0123456789abcdefghijABC", "x".repeat(100)]) {
      const wire = await broker.client(name);
      await wire.disconnect();
    }
  },
);

onLevels(FIVE, "an unknown authentication method is refused with 0x8C [MQTT-4.12.0-1]", async (broker) => {
  const wire = await broker.open();
  const properties = { authenticationMethod: "SCRAM-SHA-256", authenticationData: Buffer.from("n,,") };
  wire.send(broker.connectAs("panel", { properties }));
  await broker.refusesConnect(wire, 0x8c);
});

onLevels(
  FIVE,
  "AUTH by a client that connected without a method is a protocol error [MQTT-4.12.0-6]",
  async (broker) => {
    const wire = await broker.client("panel");
    wire.send({ cmd: "auth", reasonCode: 0x18, properties: { authenticationMethod: "PLAIN" } });
    await broker.refuses(wire, PROTOCOL_ERROR);
  },
);

ours(FIVE, "authentication data without a method is a protocol error", async (broker) => {
  const wire = await broker.open();
  // The property 0x16, authentication data, without a method.
  const body = [0, 4, 77, 81, 84, 84, 5, 2, 0, 0, 4, 0x16, 0, 1, 97, 0, 1, 97];
  wire.send(Buffer.from([0x10, body.length, ...body]));
  await broker.refusesConnect(wire, MALFORMED, PROTOCOL_ERROR);
});

onLevels(FIVE, "a repeated, misplaced or unknown property is refused", async (broker) => {
  const refused = [
    [0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1], // session expiry interval twice
    [0x21, 0, 0], // receive maximum 0
    [0x27, 0, 0, 0, 0], // maximum packet size 0
    [0x17, 2], // request problem information neither 0 nor 1
    [0x19, 2],
    [0x0b, 1], // a subscription identifier
    [0x7f, 1], // unknown
  ];
  for (const properties of refused) {
    const wire = await broker.open();
    const body = [0, 4, 77, 81, 84, 84, 5, 2, 0, 0, properties.length, ...properties, 0, 1, 97];
    wire.send(Buffer.from([0x10, body.length, ...body]));
    await broker.refusesConnect(wire, MALFORMED, PROTOCOL_ERROR);
  }
});

onLevels(
  ALL,
  "DISCONNECT ends the connection, and anything after it is ignored [MQTT-3.14.4-1, -2]",
  async (broker) => {
    const listener = await broker.client("listener");
    await listener.subscribe("hall");
    const wire = await broker.client("panel");
    wire.send({ cmd: "disconnect" }, { cmd: "publish", topic: "hall", payload: "too late" });
    expect(await wire.expectClosed()).toBeUndefined();
    await listener.expectQuiet();
  },
);

onLevels(ALL, "DISCONNECT's flags are reserved [MQTT-3.14.1-1]", async (broker) => {
  const wire = await broker.client("panel");
  wire.send(Uint8Array.of(0xe1, 0));
  await broker.refuses(wire, MALFORMED);
});

onLevels(OLD, "PINGREQ is answered [MQTT-3.12.4-1]", async (broker) => {
  const wire = await broker.client("panel");
  wire.send({ cmd: "pingreq" }, { cmd: "pingreq" });
  await wire.expect("pingresp");
  await wire.expect("pingresp");
  await wire.expectQuiet();
});

onLevels(FIVE, "CONNACK announces the server's capabilities", async (broker) => {
  const { properties = {} } = (await broker.client("panel")).connack;
  // An absent property means available, limited only by the protocol [MQTT-3.2.2-9, -13].
  expect(properties.maximumQoS ?? 2).toBe(2);
  for (const name of ["retain", "wildcardSubscription", "sharedSubscription"]) {
    expect(properties[`${name}Available`] ?? true).toBe(true);
  }
  expect(properties.subscriptionIdentifiersAvailable ?? true).toBe(true);
  expect(properties.receiveMaximum ?? 65_535).toBeGreaterThan(0);
});

ours(FIVE, "CONNACK announces the maximum packet size, and a larger packet is refused with 0x95", async (broker) => {
  const wire = await broker.client("panel");
  const { maximumPacketSize } = wire.connack["properties"];
  expect(maximumPacketSize).toBeGreaterThan(4 * 1024 * 1024);
  const length = maximumPacketSize;
  wire.send(
    Uint8Array.of(
      0x30,
      (length & 0x7f) | 0x80,
      ((length >> 7) & 0x7f) | 0x80,
      ((length >> 14) & 0x7f) | 0x80,
      length >> 21,
    ),
  );
  await wire.expectClosed(0x95);
});
