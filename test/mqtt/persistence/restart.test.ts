import { expect, test } from "bun:test";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";

// State that outlives the server, with an orderly shutdown; the endurance suites kill it.

const LASTING = { clean: false, properties: { sessionExpiryInterval: 3600 } };
const SERVER_SHUTTING_DOWN = 0x8b;

test("every client receives a DISCONNECT when the server stops", async () => {
  await using mqtt = await openMqtt();
  const wire = await mqtt.client((await mqtt.device("panel")).id, 5);
  await mqtt.restart();
  await wire.expectClosed(SERVER_SHUTTING_DOWN);
});

test("a session has its subscriptions and its messages after a restart, in order and with their identifiers", async () => {
  await using mqtt = await openMqtt();
  const [panel, phone] = [await mqtt.device("panel"), await mqtt.device("phone")];
  const before = await mqtt.client(panel.id, 5, LASTING);
  await before.subscribe("a/#", 2);
  const publisher = await mqtt.client(phone.id, 5);
  await publisher.publish("a/1", "sent, not acknowledged", { qos: 1 });
  await publisher.publish("a/2", "received, not completed", { qos: 2 });
  const first = await before.expect("publish", { topic: "a/1" });
  const second = await before.expect("publish", { topic: "a/2" });
  before.send({ cmd: "pubrec", messageId: second["messageId"] });
  await before.expect("pubrel", { messageId: second["messageId"] });
  await before.disconnect();
  await publisher.publish("a/3", "while it was away", { qos: 1 });
  await mqtt.restart();

  const late = await mqtt.client(phone.id, 5);
  await late.publish("a/4", "after the restart", { qos: 1 });
  const after = await mqtt.client(panel.id, 5, LASTING);
  expect(after.connack["sessionPresent"]).toBe(true);
  await after.receive("a/1", "sent, not acknowledged", { dup: true, messageId: first["messageId"] });
  await after.expect("pubrel", { messageId: second["messageId"] });
  after.send({ cmd: "pubcomp", messageId: second["messageId"] });
  await after.receive("a/3", "while it was away", { dup: false });
  await after.receive("a/4", "after the restart", { dup: false });
  await late.publish("a/5", "now", { qos: 1 });
  await after.receive("a/5", "now", { dup: false });
  await after.expectQuiet();
});

test("a received QoS 2 message is not accepted twice, even after a restart [MQTT-4.3.3-10]", async () => {
  await using mqtt = await openMqtt();
  const [panel, phone] = [await mqtt.device("panel"), await mqtt.device("phone")];
  const message = { cmd: "publish", topic: "a", payload: "once", qos: 2, messageId: 9 };
  const subscriber = await mqtt.client(phone.id, 5, LASTING);
  await subscriber.subscribe("a", 2);
  const before = await mqtt.client(panel.id, 5, LASTING);
  before.send(message);
  await before.expect("pubrec", { messageId: 9 });
  await mqtt.restart();
  const after = await mqtt.client(panel.id, 5, LASTING);
  after.send({ ...message, dup: true });
  await after.expect("pubrec", { messageId: 9 });
  after.send({ cmd: "pubrel", messageId: 9 });
  await after.expect("pubcomp", { messageId: 9 });
  const again = await mqtt.client(phone.id, 5, LASTING);
  await again.receive("a", "once");
  await again.expectQuiet();
  // The identifier is free again.
  after.send({ ...message, payload: "another" });
  await again.receive("a", "another");
});

test("retained messages outlive the server", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  const before = await mqtt.client(id, 5);
  await before.publish("a/kept", "kept", { qos: 1, retain: true, properties: { contentType: "text/plain" } });
  await before.publish("a/also", "also", { retain: true });
  await before.publish("a/gone", "gone", { qos: 1, retain: true });
  await before.publish("a/gone", "", { qos: 1, retain: true });
  await before.expectQuiet();
  await mqtt.restart();
  const after = await mqtt.client(id, 5);
  await after.subscribe("a/#", 1);
  await after.expectAll(
    { cmd: "publish", topic: "a/kept", payload: "kept", retain: true, qos: 1 },
    { cmd: "publish", topic: "a/also", payload: "also", retain: true, qos: 0 },
  );
  await after.expectQuiet();
});

test("wills of connections that the server closed are published", async () => {
  await using mqtt = await openMqtt();
  const [panel, phone] = [await mqtt.device("panel"), await mqtt.device("phone")];
  const willSubscriber = await mqtt.client(phone.id, 5, LASTING);
  await willSubscriber.subscribe("wills/#", 1);
  const will = { topic: "wills/panel", payload: Buffer.from("gone"), qos: 1, retain: false };
  await mqtt.client(panel.id, 5, { will });
  await mqtt.restart();
  const after = await mqtt.client(phone.id, 5, LASTING);
  await after.receive("wills/panel", "gone");
  await after.expectQuiet();
});

test("a delayed will outlives the server, and is not published if its client reconnects in time", async () => {
  await using mqtt = await openMqtt();
  const [panel, phone, other] = [await mqtt.device("panel"), await mqtt.device("phone"), await mqtt.device("other")];
  const will = (name: string) => ({
    topic: `wills/${name}`,
    payload: Buffer.from("gone"),
    qos: 1,
    retain: false,
    properties: { willDelayInterval: 60 },
  });
  await mqtt.client(panel.id, 5, { ...LASTING, will: will("panel") });
  await mqtt.client(other.id, 5, { ...LASTING, will: will("other") });
  await mqtt.restart();
  const willSubscriber = await mqtt.client(phone.id, 5);
  await willSubscriber.subscribe("wills/#", 1);
  await mqtt.client(panel.id, 5, LASTING);
  await mqtt.pass(61_000);
  await willSubscriber.receive("wills/other", "gone");
  await willSubscriber.expectQuiet();
});
