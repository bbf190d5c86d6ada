import { expect, test } from "bun:test";
import { FakeSocket } from "../../support/mqtt/fake-socket.ts";
import type { Level } from "../../support/mqtt/mqtt-wire.ts";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";

// An acknowledgement means stored (design, decision 3), and is sent in order [MQTT-4.6.0-2, MQTT-4.6.0-3].

const LASTING = { clean: false, properties: { sessionExpiryInterval: 3600 } };

async function openAcks() {
  const mqtt = await openMqtt();
  const [panel, phone, away] = [await mqtt.device("panel"), await mqtt.device("phone"), await mqtt.device("away")];
  /** Events as they happen: commits, and packets sent to a connection. */
  const open = async (id: string, level: Level, fields: object = {}) => {
    const socket = new FakeSocket(mqtt.broker.accept, level);
    socket.say({ cmd: "connect", clientId: id, ...fields });
    await mqtt.quiet();
    socket.seen.length = 0;
    return socket;
  };
  const rows = (table: string) => mqtt.world.query(`SELECT count(*) AS count FROM ${table}`)[0].count as number;
  return { ...mqtt, panel, phone, away, open, rows, [Symbol.asyncDispose]: () => mqtt[Symbol.asyncDispose]() };
}

/** Polls in each turn of the event loop, until there is a result; the disk may take its time. */
async function until<Found>(look: () => Found | undefined): Promise<Found> {
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((done) => setImmediate(done));
  }
}

test("PUBACK and PUBREC are sent once the message is stored in its recipients' queues", async () => {
  await using mqtt = await openAcks();
  const { open, rows, panel, away } = mqtt;
  const lasting = await open(away.id, 4, { clean: false });
  lasting.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 2 }] });
  await mqtt.quiet();
  lasting.lose();
  await mqtt.quiet();
  const publisher = await open(panel.id, 4);
  for (const [index, qos] of [1, 2, 1].entries()) {
    publisher.seen.length = 0;
    publisher.say({ cmd: "publish", topic: "a", payload: "x", qos, messageId: index + 1 });
    expect(publisher.seen).toEqual([]);
    await until(() => publisher.seen[0]);
    expect(rows("mqtt_queue")).toBe(index + 1);
  }
});

test("a publish with no durable effect is acknowledged in the turn in which it arrives", async () => {
  await using mqtt = await openAcks();
  const { open, rows, panel, phone } = mqtt;
  const subscriber = await open(phone.id, 4);
  subscriber.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] });
  await mqtt.quiet();
  const publisher = await open(panel.id, 4);
  publisher.say({ cmd: "publish", topic: "a", payload: "x", qos: 1, messageId: 1 });
  await new Promise((done) => setImmediate(done));
  expect(publisher.seen).toMatchObject([{ cmd: "puback", messageId: 1 }]);
  expect(subscriber.seen.at(-1)).toMatchObject({ cmd: "publish", qos: 1 });
  expect(rows("mqtt_sessions") + rows("mqtt_queue") + rows("mqtt_messages")).toBe(0);
});

test("acknowledgements that need no store wait for earlier ones that do", async () => {
  await using mqtt = await openAcks();
  const { open, panel, away } = mqtt;
  const lasting = await open(away.id, 5, LASTING);
  lasting.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "stored", qos: 1 }] });
  await mqtt.quiet();
  const publisher = await open(panel.id, 5);
  const publish = { cmd: "publish", payload: "x" };
  publisher.say(
    { ...publish, topic: "stored", qos: 1, messageId: 1 },
    { ...publish, topic: "unheard", qos: 1, messageId: 2 },
    { ...publish, topic: "unheard", qos: 2, messageId: 3 },
    { ...publish, topic: "$SCW/no", qos: 1, messageId: 4 },
    { ...publish, topic: "kept", qos: 1, messageId: 5, retain: true },
    { ...publish, topic: "unheard", qos: 1, messageId: 6 },
  );
  expect(publisher.seen).toEqual([]);
  await mqtt.quiet();
  expect(publisher.seen.map(({ messageId, reasonCode }) => [messageId, reasonCode])).toEqual([
    [1, 0],
    [2, 0x10],
    [3, 0x10],
    [4, 0x87],
    [5, 0x10],
    [6, 0x10],
  ]);
});

test("the SUBACK of a stored session is sent once its subscription is stored", async () => {
  await using mqtt = await openAcks();
  const { open, rows, panel } = mqtt;
  const lasting = await open(panel.id, 4, { clean: false });
  lasting.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] });
  expect(lasting.seen).toEqual([]);
  await until(() => lasting.seen[0]);
  expect(rows("mqtt_subscriptions")).toBe(1);
  lasting.say({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["a"] });
  await until(() => lasting.seen[1]);
  expect(rows("mqtt_subscriptions")).toBe(0);
});

test("PUBREL and PUBCOMP are sent once the change of responsibility is stored", async () => {
  await using mqtt = await openAcks();
  const { open, rows, panel } = mqtt;
  const lasting = await open(panel.id, 5, LASTING);
  lasting.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 2 }] });
  await mqtt.quiet();
  lasting.seen.length = 0;
  lasting.say({ cmd: "publish", topic: "a", payload: "x", qos: 2, messageId: 1 });
  await mqtt.quiet();
  expect(lasting.seen).toMatchObject([
    { cmd: "publish", messageId: 1 },
    { cmd: "pubrec", messageId: 1 },
  ]);
  expect(rows("mqtt_received")).toBe(1);
  lasting.say({ cmd: "pubrel", messageId: 1 });
  expect((await until(() => lasting.seen[2])).cmd).toBe("pubcomp");
  expect(rows("mqtt_received")).toBe(0);
  lasting.say({ cmd: "pubrec", messageId: 1 });
  expect((await until(() => lasting.seen[3])).cmd).toBe("pubrel");
  expect(mqtt.world.query("SELECT payload FROM mqtt_queue")).toMatchObject([{ payload: null }]);
  lasting.say({ cmd: "pubcomp", messageId: 1 });
  await mqtt.quiet();
  expect(rows("mqtt_queue")).toBe(0);
});

test("a message published while a session is being resumed is neither lost, nor sent twice, nor out of order", async () => {
  await using mqtt = await openAcks();
  const { open, panel, away } = mqtt;
  const first = await open(away.id, 5, LASTING);
  first.say({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] });
  await mqtt.quiet();
  const publisher = await open(panel.id, 5);
  let count = 0;
  const publish = () => publisher.say({ cmd: "publish", topic: "a", payload: `${count}`, qos: 1, messageId: ++count });
  for (let wait = 0; wait < 12; wait++) {
    first.lose();
    publish();
    const socket = new FakeSocket(mqtt.broker.accept, 5);
    const from = count - 1;
    socket.say({ cmd: "connect", clientId: away.id, ...LASTING });
    for (let turn = 0; turn < wait; turn++) {
      publish();
      await new Promise((done) => setImmediate(done));
    }
    publish();
    await mqtt.quiet();
    const got = socket.seen.filter(({ cmd }) => cmd === "publish");
    expect(got.map(({ payload }) => `${payload}`)).toEqual(
      Array.from({ length: count - from }, (_, i) => `${from + i}`),
    );
    for (const { messageId } of got) socket.say({ cmd: "puback", messageId });
    await mqtt.quiet();
    socket.lose();
    await mqtt.quiet();
  }
});
