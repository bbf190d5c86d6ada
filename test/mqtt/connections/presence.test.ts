import { expect, test } from "bun:test";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";

// Connections as seen over REST (issue 6.8), and which connection ends which (specification 5.3).

const SESSION_TAKEN_OVER = 0x8e;

test("REST shows whether a device is connected, and when it was last active", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  const seen = async () => (await mqtt.call("GET", `/devices/${id}`)).body;
  expect(await seen()).toMatchObject({ is_connected: false, last_activity_at: "1970-01-01T00:00:00Z" });
  const wire = await mqtt.client(id);
  expect(await seen()).toMatchObject({ is_connected: true });
  expect((await mqtt.call("GET", `/hubs/${mqtt.hub.id}`)).body.connected_device_count).toBe(1);
  await mqtt.pass(60_000);
  await wire.publish("a", "b", { qos: 1 });
  await mqtt.pass(1_000);
  await mqtt.quiet();
  expect(Date.parse((await seen()).last_activity_at)).toBe(mqtt.world.clock.now() - 1_000);
  await wire.disconnect();
  await mqtt.quiet();
  expect(await seen()).toMatchObject({ is_connected: false });
});

test("the journal records each connection and why it ended", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  const first = await mqtt.client(id, 4, { keepalive: 10 });
  await mqtt.client(id, 5);
  await first.ended;
  const third = await mqtt.client(id, 4, { keepalive: 10 });
  await mqtt.pass(16_000);
  await third.ended;
  await (await mqtt.client(id)).disconnect();
  (await mqtt.client(id)).abort();
  await mqtt.quiet();
  const told = mqtt.world
    .query("SELECT kind, data FROM events WHERE kind IN ('device.connected', 'device.disconnected') ORDER BY sequence")
    .map(({ kind, data }) => [kind, JSON.parse(data).reason, JSON.parse(data).connections_left]);
  expect(told.filter(([kind]) => kind === "device.disconnected").map(([, reason]) => reason)).toEqual([
    "session taken over",
    "session taken over",
    "keep alive timeout",
    "client disconnected",
    "connection lost",
  ]);
  expect(told.filter(([kind]) => kind === "device.connected")).toHaveLength(5);
  // The connection that takes over is connected before the other is closed.
  expect(told.slice(0, 3).map(([kind]) => kind)).toEqual([
    "device.connected",
    "device.connected",
    "device.disconnected",
  ]);
});

test("a device has one connection, regardless of its client identifier: the second ends the first", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  const first = await mqtt.client("first", 5, { username: id });
  const second = await mqtt.client("second", 5, { username: id });
  await first.expectClosed(SESSION_TAKEN_OVER);
  await second.expectQuiet();
  expect((await mqtt.call("GET", `/devices/${id}`)).body.is_connected).toBe(true);
});

test("with multiple connections each client identifier is a client, and one without gets an assigned one", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel", { allow_multiple_connections: true });
  const one = await mqtt.client("one", 5, { username: id });
  const two = await mqtt.client("two", 5, { username: id });
  const [three, four] = [await mqtt.client("", 5, { username: id }), await mqtt.client("", 5, { username: id })];
  const names = [three, four].map(({ connack }) => connack["properties"].assignedClientIdentifier);
  expect(new Set(names).size).toBe(2);
  const again = await mqtt.client("one", 5, { username: id });
  await one.expectClosed(SESSION_TAKEN_OVER);
  for (const wire of [two, three, four, again]) await wire.expectQuiet();
  for (const wire of [two, three, four]) await wire.disconnect();
  await mqtt.quiet();
  expect((await mqtt.call("GET", `/devices/${id}`)).body.is_connected).toBe(true);
});

test("no device takes over another's session by its client identifier", async () => {
  await using mqtt = await openMqtt();
  const [panel, phone] = [
    await mqtt.device("panel", { allow_multiple_connections: true }),
    await mqtt.device("phone", { allow_multiple_connections: true }),
  ];
  const lasting = { clean: false, properties: { sessionExpiryInterval: 600 } };
  const mine = await mqtt.client("same", 5, { ...lasting, username: panel.id });
  const theirs = await mqtt.client("same", 5, { ...lasting, username: phone.id });
  expect(theirs.connack["sessionPresent"]).toBe(false);
  await mine.expectQuiet();
});

test("packets in both directions are counted as messages", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  const wire = await mqtt.client(id);
  await wire.publish("a", "b", { qos: 1 });
  await wire.expectQuiet();
  await wire.disconnect();
  await mqtt.quiet();
  const { body } = await mqtt.call("GET", `/devices/${id}/metrics?start_date=2026-01-01T00:00:00Z`);
  const count = body.metrics.find(({ name }: { name: string }) => name === "messages_count");
  // CONNECT, CONNACK, PUBLISH, PUBACK, PINGREQ, PINGRESP, DISCONNECT.
  expect(count.points.reduce((sum: number, [, messages]: [string, number]) => sum + messages, 0)).toBe(7);
});
