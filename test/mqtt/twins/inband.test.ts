import { expect, test } from "bun:test";
import type { MqttWire, Seen } from "../../support/mqtt/mqtt-wire.ts";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";
import type { Json } from "../../support/world/world.ts";

// Requests for a twin's documents, hub events and `$SYS` over the wire. The answers are tested beside each part.

const ME = "$SCW/twins/me";

/** A hub with a panel and a watcher of everything that its hub lets them see. */
async function openInband(rest: object = {}) {
  const mqtt = await openMqtt();
  const panel: Json = await mqtt.device("panel", rest);
  const watcher = await mqtt.client((await mqtt.device("watcher")).id);
  await watcher.subscribe(["#", "$SCW/#"]);
  return {
    ...mqtt,
    panel,
    watcher,
    documentVersion: async (name: string) => {
      const { body } = await mqtt.call("GET", `/twins/${panel.id}/documents/${name}`);
      return (body as Json).version as number | undefined;
    },
    /** The watcher's next message is an event about the panel. */
    expectEvent: async (msg: string) => {
      const { payload } = await watcher.receive(`$SCW/events/error/device/${panel.id}`);
      expect(JSON.parse(payload.toString())).toMatchObject({ "object-id": panel.id, msg });
    },
    [Symbol.asyncDispose]: () => mqtt[Symbol.asyncDispose](),
  };
}

const send = (wire: MqttWire, topic: string, payload: Json = "", fields: object = {}) =>
  wire.send({ cmd: "publish", topic, payload: payload === "" ? "" : JSON.stringify(payload), ...fields });
const bodyOf = (packet: Seen) => JSON.parse(packet["payload"].toString());

test("a request is answered before it is acknowledged, and no other client sees any of it", async () => {
  await using hub = await openInband();
  for (const level of [3, 4, 5] as const) {
    const wire = await hub.client(hub.panel.id, level);
    await wire.subscribe(`${ME}/#`, 1);
    send(wire, `${ME}/current/put`, { data: { level } }, { qos: 1, messageId: 7, retain: true });
    const answer = await wire.receive(`${ME}/current/put/response/success`, undefined, { qos: 1, retain: false });
    expect(bodyOf(answer)).toMatchObject({ document_name: "current", data: { level } });
    await wire.expect("puback", { messageId: 7 });
    await wire.disconnect();
  }
  await hub.watcher.expectQuiet();
  // It is not retained either.
  const later = await hub.client(hub.panel.id);
  await later.subscribe(`${ME}/#`);
  await later.expectQuiet();
});

test("a QoS 2 request takes effect once, however often it is sent", async () => {
  await using hub = await openInband();
  for (const level of [4, 5] as const) {
    const wire = await hub.client(hub.panel.id, level);
    const request = { cmd: "publish", topic: `${ME}/a/put`, payload: '{"data":{}}', qos: 2, messageId: 5 };
    wire.send(request);
    await wire.expect("pubrec", { messageId: 5 });
    wire.send({ ...request, dup: true });
    await wire.expect("pubrec", { messageId: 5 });
    wire.send({ cmd: "pubrel", messageId: 5 });
    await wire.expect("pubcomp", { messageId: 5 });
    expect(await hub.documentVersion("a")).toBe(level === 4 ? 1 : 2);
    await wire.disconnect();
  }
});

test("many pipelined requests are all answered, in order", async () => {
  await using hub = await openInband();
  const wire = await hub.client(hub.panel.id);
  await wire.subscribe(`${ME}/#`);
  const count = 3000;
  for (let n = 1; n <= count; n++) send(wire, `${ME}/a/${n % 100 === 0 ? "get" : "put"}`, { data: { n } });
  let version = 0;
  for (let n = 1; n <= count; n++) {
    if (n % 100 !== 0) version++;
    const body = bodyOf(await wire.expect("publish"));
    expect([body.version, body.data]).toEqual([version, { n: n % 100 === 0 ? n - 1 : n }]);
  }
});

test("a client that is not subscribed when the answer is ready does not receive it, and a session that reconnects does not either", async () => {
  await using hub = await openInband();
  const lasting = { clean: false };
  const wire = await hub.client(hub.panel.id, 4, lasting);
  await wire.subscribe(`${ME}/#`, 1);
  await wire.unsubscribe(`${ME}/#`);
  send(wire, `${ME}/a/put`, { data: {} }, { qos: 1, messageId: 9 });
  await wire.expect("puback", { messageId: 9 });

  await wire.subscribe(`${ME}/#`, 1);
  send(wire, `${ME}/a/put`, { data: {} });
  wire.end();
  await wire.ended;
  const back = await hub.client(hub.panel.id, 4, lasting);
  expect(back.connack["sessionPresent"]).toBe(true);
  await back.expectQuiet();
});

test("a device whose filters do not list twin topics is refused its own documents, and an event reports it", async () => {
  const filters = { publish: { policy: "accept", topics: ["hall/#"] } };
  await using hub = await openInband({ message_filters: filters });
  for (const level of [4, 5] as const) {
    const wire = await hub.client(hub.panel.id, level);
    await wire.subscribe(`${ME}/#`);
    const ack = await wire.publish(`${ME}/a/put`, '{"data":{}}', { qos: 1 });
    expect(ack?.["reasonCode"] ?? 0).toBe(level === 5 ? 0x87 : 0);
    await hub.expectEvent(`unauthorized topic ${ME}/a/put`);
    await wire.disconnect();
  }
  expect(await hub.documentVersion("a")).toBeUndefined();
});

test("other topics of the server are dropped with an event, and the connection stays", async () => {
  await using hub = await openInband();
  const wire = await hub.client(hub.panel.id);
  for (const topic of [
    `${ME}/a/delete`,
    `${ME}/a/put/response/success`,
    "$SCW/events/error/device/x",
    "$SYS/broker/uptime",
  ]) {
    await wire.publish(topic, "x", { qos: 1 });
    await hub.expectEvent(`unauthorized topic ${topic}`);
  }
  await hub.watcher.expectQuiet();
});

test("a will on a request topic is dropped with an event", async () => {
  await using hub = await openInband();
  const will = { topic: `${ME}/a/put`, payload: Buffer.from('{"data":{}}'), qos: 1, retain: false };
  const wire = await hub.client(hub.panel.id, 4, { will });
  await hub.expectEvent(`unauthorized topic ${ME}/a/put`);
  wire.abort();
  await hub.watcher.expectQuiet();
  expect(await hub.documentVersion("a")).toBeUndefined();
});

test("MQTT 5: the answer goes to the response topic with the correlation data, the acknowledgement has the outcome", async () => {
  await using hub = await openInband();
  const wire = await hub.client(hub.panel.id, 5);
  await wire.subscribe("replies/+", 1);
  const properties = { responseTopic: "replies/panel", correlationData: Buffer.from("c1") };
  send(wire, `${ME}/a/put`, { data: {} }, { qos: 1, messageId: 1, properties });
  const stored = await wire.receive("replies/panel");
  expect(stored["properties"]).toMatchObject({ userProperties: { outcome: "success" } });
  expect(stored["properties"].correlationData.toString()).toBe("c1");
  await wire.expect("puback", { messageId: 1, reasonCode: 0 });

  send(wire, `${ME}/a/put`, { version: 7, data: {} }, { qos: 1, messageId: 2, properties });
  const refused = await wire.receive("replies/panel");
  expect(refused["properties"]).toMatchObject({ userProperties: { outcome: "error" } });
  expect(bodyOf(refused)).toMatchObject({ expected_version: 7, actual_version: 1 });
  await wire.expect("puback", { messageId: 2, reasonCode: 0x83 });

  send(wire, `${ME}/a/get`, "", { properties: { responseTopic: "replies/#" } });
  await wire.expectClosed(0x82);
  await hub.expectEvent("a response topic is empty or has wildcards");
});

test("two connections of a device are answered separately", async () => {
  await using hub = await openInband({ allow_multiple_connections: true });
  const first = await hub.client("one", 4, { username: hub.panel.id });
  const second = await hub.client("two", 4, { username: hub.panel.id });
  for (const wire of [first, second]) await wire.subscribe(`${ME}/#`, 1);
  send(first, `${ME}/a/put`, { data: {} });
  await first.receive(`${ME}/a/put/response/success`);
  await second.expectQuiet();
});

test("$SYS counts the traffic of the hub's connections, and shows a device only what its filters permit", async () => {
  const filters = { subscribe: { policy: "reject", topics: ["$SYS/broker/bytes/#"] } };
  await using hub = await openInband({ message_filters: filters });
  const wire = await hub.client(hub.panel.id, 5, { properties: { maximumPacketSize: 200 } });
  await wire.subscribe(["hall/+", `${ME}/#`]);
  wire.send({ cmd: "publish", topic: "hall/door", payload: "open", qos: 1, messageId: 9, retain: true });
  await wire.expectAll({ cmd: "publish", topic: "hall/door" }, { cmd: "puback", messageId: 9 });
  await hub.watcher.receive("hall/door", "open");
  send(wire, `${ME}/a/put`, { data: { text: "x".repeat(200) } }, { qos: 1, messageId: 10 });
  await wire.expect("puback", { messageId: 10 });
  await wire.expectQuiet();
  await wire.subscribe("$SYS/#");
  const told: Record<string, string> = {};
  for (let n = 0; n < 11; n++) {
    const { topic, payload } = await wire.expect("publish", { retain: true });
    told[topic.replace("$SYS/broker/", "")] = payload.toString();
  }
  await wire.expectQuiet();
  expect(told).toMatchObject({
    "clients/connected": "2",
    "subscriptions/count": "5",
    "retained messages/count": "1",
    "publish/messages/received": "2",
    "publish/messages/sent": "2",
    "publish/messages/dropped": "1",
  });
  // Both sent CONNECT and SUBSCRIBE, plus two PUBLISH and a PINGREQ; sent were their answers, and two messages. The
  // current request is not counted yet.
  expect([told["messages/received"], told["messages/sent"]]).toEqual(["7", "9"]);
});

test("$SYS is sent at once to a new subscriber, for its own hub only", async () => {
  await using hub = await openInband();
  const wire = await hub.client(hub.panel.id);
  await wire.subscribe("$SYS/broker/clients/connected");
  await wire.receive("$SYS/broker/clients/connected", "2", { retain: true });
  const other = (await hub.call("POST", "/hubs", { name: "other", product_plan: "plan_dedicated" })).body as Json;
  const { body } = await hub.call("POST", "/devices", { hub_id: other.id, name: "lone", allow_insecure: true });
  const lone = await hub.client((body as Json).device.id);
  await lone.subscribe("$SYS/broker/clients/connected");
  await lone.receive("$SYS/broker/clients/connected", "1", { retain: true });
  hub.world.clock.advance(10_000);
  await wire.receive("$SYS/broker/clients/connected", "2", { retain: false });
  await lone.receive("$SYS/broker/clients/connected", "1", { retain: false });
  hub.world.clock.advance(10_000);
  await wire.expectQuiet();
  await hub.watcher.disconnect();
  hub.world.clock.advance(10_000);
  await wire.receive("$SYS/broker/clients/connected", "1", { retain: false });
  await lone.expectQuiet();
});
