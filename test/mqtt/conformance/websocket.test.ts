import { expect } from "bun:test";
import { OPCODE } from "../../support/mqtt/mqtt-wire.ts";
import { ALL, type Broker, onLevels, ours } from "./broker-under-test.ts";

// MQTT over WebSocket (section 6): the same bytes as over TCP; frame boundaries have no meaning.

const open = (broker: Broker) => broker.open({ transport: "websocket" });
const isBroken = { 1002: true, 1003: true, 1007: true } as Record<number, boolean>;

onLevels(ALL, "a client over WebSocket and one over TCP exchange messages", async (broker) => {
  const web = await open(broker);
  await web.connect(broker.connectAs("web"));
  await web.subscribe("hall", 2);
  const tcp = await broker.client("tcp", {}, { transport: "tcp" });
  await tcp.subscribe("door", 2);
  for (const qos of [0, 1, 2]) {
    await tcp.publish("hall", `to web ${qos}`, { qos });
    await web.receive("hall", `to web ${qos}`, { qos });
    await web.publish("door", `to tcp ${qos}`, { qos });
    await tcp.receive("door", `to tcp ${qos}`, { qos });
  }
  await web.disconnect();
});

onLevels(ALL, "packets may span frames, and frames may hold many packets [MQTT-6.0.0-2]", async (broker) => {
  const wire = await open(broker);
  const bytes = Buffer.concat([
    wire.bytesOf(broker.connectAs("web")),
    wire.bytesOf({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "hall", qos: 0 }] }),
  ]);
  for (const byte of bytes) wire.send(Uint8Array.of(byte));
  await wire.expect("connack");
  await wire.expect("suback");
  const packets = Buffer.concat(
    Array.from({ length: 20 }, (_, i) => Buffer.from(wire.bytesOf({ cmd: "publish", topic: "hall", payload: `${i}` }))),
  );
  wire.send(packets);
  for (let i = 0; i < 20; i++) await wire.receive("hall", `${i}`);
});

onLevels(ALL, "a message may be fragmented, with pings and empty frames in between", async (broker) => {
  const wire = await open(broker);
  await wire.connect(broker.connectAs("web"));
  await wire.subscribe("hall");
  const bytes = wire.bytesOf({ cmd: "publish", topic: "hall", payload: "in pieces" });
  wire.sendFrame(OPCODE.binary, bytes.subarray(0, 4), { final: false });
  wire.sendFrame(OPCODE.ping, Buffer.from("still here"));
  wire.sendFrame(OPCODE.continuation, new Uint8Array(0), { final: false });
  wire.sendFrame(OPCODE.continuation, bytes.subarray(4), { final: true });
  wire.sendFrame(OPCODE.binary, new Uint8Array(0));
  await wire.receive("hall", "in pieces");
  await wire.expectQuiet();
});

ours(ALL, "large messages are carried in both directions", async (broker) => {
  const wire = await open(broker);
  await wire.connect(broker.connectAs("web"));
  await wire.subscribe("hall", 1);
  const payload = Buffer.alloc(1_500_000, "0123456789");
  const bytes = wire.bytesOf({ cmd: "publish", topic: "hall", payload, qos: 0 });
  for (let at = 0; at < bytes.length; at += 100_000) wire.send(bytes.subarray(at, at + 100_000));
  expect(Buffer.compare((await wire.receive("hall"))["payload"], payload)).toBe(0);
});

ours(ALL, "a frame that is not binary ends the connection [MQTT-6.0.0-1]", async (broker) => {
  const wire = await open(broker);
  await wire.connect(broker.connectAs("web"));
  wire.sendFrame(OPCODE.text, Buffer.from("well-formed text"));
  await wire.ended;
  expect(wire.closeCode).toBe(1003);
});

ours([4], "an invalid frame ends the connection", async (broker) => {
  const spoil = [
    { opcode: OPCODE.binary, options: { masked: false } },
    { opcode: OPCODE.continuation, options: {} },
    { opcode: 3, options: {} },
    { opcode: OPCODE.ping, options: { final: false } },
  ];
  for (const { opcode, options } of spoil) {
    const wire = await open(broker);
    await wire.connect(broker.connectAs("web"));
    wire.sendFrame(opcode, wire.bytesOf({ cmd: "pingreq" }), options);
    await wire.ended;
    if (wire.closeCode !== undefined) expect(isBroken[wire.closeCode]).toBe(true);
  }
});

ours(
  [4],
  "the subprotocol is chosen from those offered, and any path is accepted [MQTT-6.0.0-3, -4]",
  async (broker) => {
    for (const [path, protocols] of [
      ["/", "mqtt"],
      ["/mqtt", "mqttv3.1"],
      ["/any/path?x=1", "other, mqtt"],
    ] as const) {
      const wire = await broker.open({ transport: "websocket", path, protocols });
      await wire.connect(broker.connectAs("web"));
      await wire.expectQuiet();
    }
    await expect(broker.open({ transport: "websocket", protocols: "chat" })).rejects.toThrow("no WebSocket");
  },
);

ours(ALL, "a WebSocket closed without DISCONNECT counts as a lost connection", async (broker) => {
  const other = await broker.client("other");
  await other.subscribe("wills", 1);
  for (const goodbye of ["end", "abort"] as const) {
    const wire = await open(broker);
    await wire.connect(broker.connectAs("web", { will: { topic: "wills", payload: Buffer.from(goodbye), qos: 1 } }));
    wire[goodbye]();
    await other.receive("wills", goodbye);
  }
});
