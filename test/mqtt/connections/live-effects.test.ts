import { expect, test } from "bun:test";
import type { MqttWire } from "../../support/mqtt/mqtt-wire.ts";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";

// Changes to a device or its hub take effect on its connections at once (specification 5.2, rule 9).

const NOT_AUTHORIZED = 0x87;
const ADMINISTRATIVE_ACTION = 0x98;

type Hub = Awaited<ReturnType<typeof openMqtt>>;

/** A connected panel with a stored session, and a subscriber to the hub's events. */
async function openConnected() {
  const mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  const watcher = await mqtt.client((await mqtt.device("watcher")).id);
  await watcher.subscribe("$SCW/events/#");
  const wire = await mqtt.client(id, 5, { properties: { sessionExpiryInterval: 600 } });
  await wire.subscribe("a", 1);
  return { ...mqtt, id, watcher, wire, [Symbol.asyncDispose]: () => mqtt[Symbol.asyncDispose]() };
}

async function expectEvent(watcher: MqttWire, id: string, msg: string): Promise<void> {
  const { payload } = await watcher.receive(`$SCW/events/error/device/${id}`);
  expect(JSON.parse(payload.toString())).toMatchObject({ "object-id": id, msg });
}

/** A CONNECT is refused with this code. */
async function expectRefused(mqtt: Hub, id: string, reasonCode: number): Promise<void> {
  const wire = await mqtt.open(5);
  expect(await wire.connect({ clientId: id })).toMatchObject({ reasonCode, sessionPresent: false });
  await wire.expectClosed();
}

test("a disabled device is disconnected and refused until it is enabled", async () => {
  await using mqtt = await openConnected();
  const { call, id, wire, watcher } = mqtt;
  await call("POST", `/devices/${id}/disable`, {});
  await wire.expectClosed(ADMINISTRATIVE_ACTION);
  await expectEvent(watcher, id, "device is not enabled");
  await expectRefused(mqtt, id, NOT_AUTHORIZED);
  await expectEvent(watcher, id, "device is not enabled");
  await call("POST", `/devices/${id}/enable`, {});
  const { connack } = await mqtt.client(id, 5, { clean: false, properties: { sessionExpiryInterval: 600 } });
  expect(connack["sessionPresent"]).toBe(true);
});

test("a deleted device is disconnected, and its session is deleted", async () => {
  await using mqtt = await openConnected();
  const { call, id, wire, watcher, world } = mqtt;
  await call("DELETE", `/devices/${id}`);
  await wire.expectClosed(ADMINISTRATIVE_ACTION);
  await expectEvent(watcher, id, "device is deleted");
  await mqtt.quiet();
  expect(world.query("SELECT id FROM mqtt_sessions")).toEqual([]);
  await expectRefused(mqtt, id, 0x86);
});

test("a device that must authenticate from now on is disconnected if it did not", async () => {
  await using mqtt = await openConnected();
  const { call, id, wire, watcher } = mqtt;
  await call("PATCH", `/devices/${id}`, { allow_insecure: false });
  await wire.expectClosed(NOT_AUTHORIZED);
  await expectEvent(watcher, id, "device security has changed, requires authentication");
  await expectRefused(mqtt, id, NOT_AUTHORIZED);
  await expectEvent(watcher, id, "mutual TLS authentication is required");
});

test("a new certificate makes its device reconnect", async () => {
  await using mqtt = await openConnected();
  await mqtt.call("POST", `/devices/${mqtt.id}/renew-certificate`, {});
  await mqtt.wire.expectClosed(NOT_AUTHORIZED);
});

test("a disabled hub disconnects all clients, and accepts none", async () => {
  await using mqtt = await openConnected();
  const { call, hub, id, wire, watcher } = mqtt;
  await call("POST", `/hubs/${hub.id}/disable`, {});
  await wire.expectClosed(ADMINISTRATIVE_ACTION);
  await watcher.ended;
  await expectRefused(mqtt, id, NOT_AUTHORIZED);
});

test("a deleted hub disconnects all clients", async () => {
  await using mqtt = await openConnected();
  const { call, hub, id, wire } = mqtt;
  expect((await call("DELETE", `/hubs/${hub.id}?delete_devices=true`)).status).toBe(204);
  await wire.expectClosed(ADMINISTRATIVE_ACTION);
  const refused = await mqtt.open(5);
  expect((await refused.connect({ clientId: id }))["reasonCode"]).toBeOneOf([0x86, NOT_AUTHORIZED]);
});

test("nothing of a deleted hub stays in memory, even if no client ever connected", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel", { allow_insecure: false });
  for (let i = 0; i < 60; i++) {
    const wire = await mqtt.open(5);
    wire.send({ cmd: "connect", clientId: id });
    await wire.ended;
  }
  expect(mqtt.broker.stats(mqtt.hub.id).eventsDropped).toBe(10);
  expect((await mqtt.call("DELETE", `/hubs/${mqtt.hub.id}?delete_devices=true`)).status).toBe(204);
  await mqtt.quiet();
  expect(mqtt.broker.stats(mqtt.hub.id).eventsDropped).toBe(0);
});

test("a device that moves to another hub leaves its session, its messages and its will behind", async () => {
  await using mqtt = await openConnected();
  const { call, caller, id, wire } = mqtt;
  const { body: other } = await call("POST", "/hubs", { name: "other", project_id: caller.account });
  await call("PATCH", `/devices/${id}`, { hub_id: other.id });
  await wire.expectClosed(ADMINISTRATIVE_ACTION);
  const { connack } = await mqtt.client(id, 5, { clean: false, properties: { sessionExpiryInterval: 600 } });
  expect(connack["sessionPresent"]).toBe(false);
});

test("changed message filters apply at once, to existing subscriptions too", async () => {
  await using mqtt = await openConnected();
  const { call, id, wire } = mqtt;
  const publisher = await mqtt.client((await mqtt.device("phone")).id, 5);
  await wire.subscribe("#", 0);
  await publisher.publish("secret/x", "seen");
  await wire.receive("secret/x", "seen");
  const topics = ["secret/#"];
  const rule = { policy: "reject", topics };
  await call("PATCH", `/devices/${id}`, { message_filters: { subscribe: rule, publish: rule } });
  await mqtt.quiet();
  await publisher.publish("secret/x", "not seen");
  await wire.expectQuiet();
  expect(await wire.subscribe("secret/y", 0)).toEqual([NOT_AUTHORIZED]);
  expect(await wire.publish("secret/y", "", { qos: 1 })).toMatchObject({ reasonCode: NOT_AUTHORIZED });
});

test("a device limited to one connection again loses those with names of their own", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel", { allow_multiple_connections: true });
  const [one, two] = [await mqtt.client("one", 5, { username: id }), await mqtt.client("two", 5, { username: id })];
  await mqtt.call("PATCH", `/devices/${id}`, { allow_multiple_connections: false });
  await one.expectClosed(ADMINISTRATIVE_ACTION);
  await two.expectClosed(ADMINISTRATIVE_ACTION);
});

test("changes that arrive while a device is connecting are applied", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  for (let turns = 0; turns < 8; turns++) {
    await mqtt.call("POST", `/devices/${id}/enable`, {});
    const wire = await mqtt.open(5);
    wire.send({ cmd: "connect", clientId: id });
    for (let turn = 0; turn < turns; turn++) await new Promise((done) => setImmediate(done));
    await mqtt.call("POST", `/devices/${id}/disable`, {});
    await wire.ended;
  }
  await mqtt.quiet();
  expect((await mqtt.call("GET", `/devices/${id}`)).body.is_connected).toBe(false);
});
