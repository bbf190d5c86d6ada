import { expect, test } from "bun:test";
import { MIGRATIONS } from "../../../src/store/migrations/index.ts";
import { openMqtt } from "../../support/mqtt/open-mqtt.ts";

const SUBSCRIBED = { properties: { sessionExpiryInterval: 3600 }, clean: false };

test("filters that are too long, stored by earlier servers, are deleted by the migration, and the log names their sessions", async () => {
  await using mqtt = await openMqtt();
  const { id } = await mqtt.device("panel");
  const wire = await mqtt.client(id, 5, SUBSCRIBED);
  await wire.subscribe(["hall", "a".repeat(4096)], 1);
  await wire.disconnect();
  const migration = MIGRATIONS.find(({ name }) => name === "mqtt_filters");
  mqtt.world.seed((connection) => {
    const [session] = connection.all("SELECT id FROM mqtt_sessions");
    for (const filter of ["b".repeat(4097), "ü".repeat(2049)]) {
      connection.run(
        `INSERT INTO mqtt_subscriptions (session_id, filter, qos, no_local, retain_as_published, retain_handling)
         VALUES (?, ?, 0, 0, 0, 0)`,
        session?.["id"] as number,
        filter,
      );
    }
    for (const statement of (migration?.sql ?? "").split(";\n")) if (statement.trim()) connection.run(statement);
  });
  expect(mqtt.world.query("SELECT length(filter) AS length FROM mqtt_subscriptions ORDER BY length")).toEqual([
    expect.objectContaining({ length: 4 }),
    expect.objectContaining({ length: 4096 }),
  ]);
  const notices = mqtt.world.query("SELECT event, fields FROM upgrade_notices");
  expect(notices.map(({ event, fields }) => [event, JSON.parse(fields as string)])).toEqual([
    ["mqtt_subscriptions_ended", { device: id, clientId: id, filters: 2 }],
  ]);
});
