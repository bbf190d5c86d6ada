import { expect } from "bun:test";
import { FIVE, onLevels, ours } from "./broker-under-test.ts";

// Properties sent with a message, and the server's reason strings.

/** A PUBLISH built by hand, for properties in an order and number that the codec would not keep. */
function publishBytes(topic: string, payload: string, properties: Uint8Array): Buffer {
  const name = Buffer.from(topic);
  const body = Buffer.concat([
    Buffer.from([0, name.length]),
    name,
    Buffer.from([properties.length]),
    properties,
    Buffer.from(payload),
  ]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

const userProperty = (name: string, value: string) =>
  Buffer.concat([
    Buffer.from([0x26, 0, name.length]),
    Buffer.from(name),
    Buffer.from([0, value.length]),
    Buffer.from(value),
  ]);

onLevels(FIVE, "a message's properties arrive unaltered [MQTT-3.3.2-4, -15, -16, -17, -20]", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 2);
  const publisher = await broker.client("publisher");
  const properties = {
    payloadFormatIndicator: true,
    contentType: "text/plain; charset=utf-8",
    responseTopic: "answers/panel",
    correlationData: Buffer.from([0, 1, 2, 255]),
    userProperties: { colour: "red", "": "", größe: "10 µm" },
  };
  for (const qos of [0, 1, 2]) {
    await publisher.publish("hall", "x", { qos, properties });
    const { properties: came } = await wire.receive("hall", "x", { qos });
    expect({ ...came, userProperties: { ...came.userProperties } }).toEqual(properties);
  }
});

onLevels(FIVE, "a message without properties arrives without them", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall");
  const publisher = await broker.client("publisher");
  publisher.send({ cmd: "publish", topic: "hall", payload: "x" });
  expect((await wire.receive("hall", "x"))["properties"]).toBeUndefined();
  publisher.send(publishBytes("hall", "y", Uint8Array.of(0x01, 0)));
  expect((await wire.receive("hall", "y"))["properties"]?.payloadFormatIndicator ?? false).toBe(false);
});

onLevels(FIVE, "user properties keep their order, repeated names included [MQTT-3.3.2-18]", async (broker) => {
  const wire = await broker.client("panel");
  const seen: Buffer[] = [];
  wire.onBytes = (bytes) => seen.push(Buffer.from(bytes));
  await wire.subscribe("hall");
  const publisher = await broker.client("publisher");
  const list = [
    ["b", "1"],
    ["a", "2"],
    ["b", "3"],
    ["a", "2"],
  ] as const;
  const properties = Buffer.concat(list.map(([name, value]) => userProperty(name, value)));
  publisher.send(publishBytes("hall", "x", properties));
  await wire.receive("hall", "x");
  expect(Buffer.concat(seen).includes(properties)).toBe(true);
});

onLevels(FIVE, "a queued message keeps its user properties, in order", async (broker) => {
  const first = await broker.lasting("panel");
  await first.subscribe("hall", 1);
  await first.disconnect();
  const publisher = await broker.client("publisher");
  const properties = Buffer.concat([userProperty("b", "1"), userProperty("a", "2"), userProperty("b", "3")]);
  const qos1 = publishBytes("hall", "x", properties);
  const body = Buffer.concat([qos1.subarray(2, 8), Buffer.from([0, 9]), qos1.subarray(8)]);
  publisher.send(Buffer.concat([Buffer.from([0x32, body.length]), body]));
  await publisher.expect("puback", { messageId: 9 });
  const second = await broker.open();
  const seen: Buffer[] = [];
  second.onBytes = (bytes) => seen.push(Buffer.from(bytes));
  second.send(broker.connectAs("panel", broker.lastingFields()));
  await second.expect("connack", { sessionPresent: true });
  await second.receive("hall", "x");
  expect(Buffer.concat(seen).includes(properties)).toBe(true);
});

ours(FIVE, "a payload that is not the UTF-8 it claims to be may be refused or forwarded", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall", 1);
  const publisher = await broker.client("publisher");
  const properties = { payloadFormatIndicator: true };
  publisher.send({ cmd: "publish", topic: "hall", payload: Buffer.from([0xff]), qos: 1, messageId: 1, properties });
  const answer = await publisher.next();
  expect(["puback", "disconnect"]).toContain(answer.cmd);
  const { reasonCode = 0 } = answer as { reasonCode?: number };
  expect([0, 0x99]).toContain(reasonCode);
  if (answer.cmd === "puback" && reasonCode === 0)
    expect([...(await wire.expect("publish"))["payload"]]).toEqual([0xff]);
});

onLevels(
  FIVE,
  "a client that asks for no problem information gets no reason strings [MQTT-3.1.2-29]",
  async (broker) => {
    const wire = await broker.client("panel", { properties: { requestProblemInformation: false } });
    wire.send({ cmd: "pubrel", messageId: 77 });
    const { properties } = await wire.expect("pubcomp", { messageId: 77 });
    expect(properties?.reasonString).toBeUndefined();
    expect(properties?.userProperties).toBeUndefined();
    const unsuback = await wire.unsubscribe("never/subscribed");
    expect(unsuback["properties"]?.reasonString).toBeUndefined();
  },
);

onLevels(FIVE, "a plain success is acknowledged in the shortest form", async (broker) => {
  const wire = await broker.client("panel");
  await wire.subscribe("hall");
  wire.send({ cmd: "publish", topic: "hall", payload: "x", qos: 1, messageId: 1 });
  const [puback] = (await wire.expectAll({ cmd: "puback" }, { cmd: "publish" })).filter(({ cmd }) => cmd === "puback");
  expect(puback?.["length"]).toBe(2); // [MQTT-3.4.2.1]
});

ours(FIVE, "response information is only sent on request [MQTT-3.1.2-28]", async (broker) => {
  const wire = await broker.client("panel");
  expect(wire.connack["properties"]?.responseInformation).toBeUndefined();
});
