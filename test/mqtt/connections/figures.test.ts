import { expect, test } from "bun:test";
import { expose } from "../../../src/metrics/exposition.ts";
import { readExposition } from "../../support/http/exposition.ts";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";
import type { World } from "../../support/world/world.ts";

// The broker's metrics for operators, over all hubs.

const figuresOf = async (world: World) =>
  readExposition(
    (
      await expose(world.deps.metrics, (name, error) => {
        throw new Error(name, { cause: error });
      })
    ).text,
  );

test("packets are counted by type, in and out, each once", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  const { id: other } = await mqtt.device("phone");
  const phone = await mqtt.client(other, 5);
  await phone.subscribe("hall/#");
  const panel = await mqtt.client(id);
  for (let n = 0; n < 3; n++) await panel.publish("hall/door", "open", { qos: 1 });
  await panel.publish("hall/door", "shut", { qos: 0 });
  await mqtt.quiet();
  await panel.disconnect();
  await mqtt.quiet();

  const { find, sum } = await figuresOf(mqtt.world);
  const counted = (name: string) =>
    Object.fromEntries(
      find(`twinpost_mqtt_packets_${name}_total`)
        .filter(({ value }) => value > 0)
        .map(({ labels, value }) => [labels["type"], value]),
    );
  expect(counted("received")).toEqual({ connect: 2, subscribe: 1, publish: 4, disconnect: 1 });
  expect(counted("sent")).toEqual({ connack: 2, suback: 1, publish: 4, puback: 3 });
  expect(sum("twinpost_mqtt_connects_total", { version: "5", transport: "tcp" })).toBe(1);
  expect(sum("twinpost_mqtt_connects_total", { version: "4", transport: "tcp" })).toBe(1);
  expect(sum("twinpost_mqtt_refusals_total")).toBe(0);
  expect([sum("twinpost_mqtt_connections"), sum("twinpost_mqtt_subscriptions")]).toEqual([1, 1]);
  expect(sum("twinpost_mqtt_sent_bytes_total")).toBeGreaterThan(4 * "hall/dooropen".length);
});

test("sessions are counted as connected or disconnected, and refusals by reason", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  const { id: locked } = await mqtt.device("locked", { allow_insecure: false });
  const states = async () => {
    const { sum } = await figuresOf(mqtt.world);
    return ["connected", "away"].map((state) => sum("twinpost_mqtt_sessions", { state }));
  };
  const wire = await mqtt.client(id, 4, { clean: false });
  expect(await states()).toEqual([1, 0]);
  await wire.disconnect();
  await mqtt.quiet();
  expect(await states()).toEqual([0, 1]);
  for (const [clientId, level] of [
    [locked, 4],
    [locked, 5],
    [crypto.randomUUID(), 5],
  ] as const) {
    const refused = await mqtt.open(level);
    await refused.connect({ clientId }).catch(() => undefined);
    await refused.ended;
  }
  const { sum } = await figuresOf(mqtt.world);
  expect(sum("twinpost_mqtt_refusals_total", { reason: "not_authorized" })).toBe(2);
  expect(sum("twinpost_mqtt_refusals_total", { reason: "bad_user_name_or_password" })).toBe(1);
  expect(sum("twinpost_mqtt_packets_sent_total", { type: "connack" })).toBe(4);
  expect(sum("twinpost_mqtt_connects_total")).toBe(1);
});

test("traffic of a deleted hub stays in the counters", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  const wire = await mqtt.client(id);
  await wire.publish("a", "b", { qos: 1 });
  await mqtt.quiet();
  const before = (await figuresOf(mqtt.world)).sum("twinpost_mqtt_received_bytes_total");
  expect(before).toBeGreaterThan(0);
  await mqtt.call("DELETE", `/hubs/${mqtt.hub.id}?delete_devices=true`);
  await wire.ended;
  await mqtt.quiet();
  expect((await figuresOf(mqtt.world)).sum("twinpost_mqtt_received_bytes_total")).toBeGreaterThanOrEqual(before);
});
