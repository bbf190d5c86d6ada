import { expect, test } from "bun:test";
import { openHub } from "../support/world/hub.ts";
import type { Json } from "../support/world/world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const sums = (metrics: Json[]) =>
  Object.fromEntries(
    metrics.map(({ name, points }) => [name, points.reduce((sum: number, [, n]: [string, number]) => sum + n, 0)]),
  );

test("requests about a device's documents are counted, for the device and its hub, on every scale", async () => {
  await using h = await openHub();
  const { device: a } = await h.createDevice("a");
  const { device: b } = await h.createDevice("b");
  const metrics = async (path: string) => {
    const { status, body } = await h.call("GET", path);
    expect([path, status]).toEqual([path, 200]);
    return body.metrics as Json[];
  };
  expect(sums(await metrics(`/hubs/${h.hub.id}/metrics`))).toEqual({ messages_count: 0, active_devices: 0 });

  const path = `/twins/${a.id}/documents/d`;
  await h.call("PUT", path, { data: {} });
  await h.call("GET", path);
  await h.call("PATCH", path, { data: {} });
  await h.call("PUT", path, { version: 9, data: {} });
  await h.call("GET", `/twins/${a.id}/documents/missing`);
  h.world.clock.advance(5 * MINUTE);
  await h.call("GET", `/twins/${a.id}`);
  await h.call("DELETE", path);
  await h.call("DELETE", `/twins/${b.id}`);

  const device = await metrics(`/devices/${a.id}/metrics`);
  expect(device.map(({ name }) => name)).toEqual(["messages_count", "device_activity"]);
  const points = device[0].points;
  expect(points).toHaveLength(60);
  expect(points.slice(-6)).toEqual([
    ["2026-01-01T00:00:00.000Z", 3],
    ["2026-01-01T00:01:00.000Z", 0],
    ["2026-01-01T00:02:00.000Z", 0],
    ["2026-01-01T00:03:00.000Z", 0],
    ["2026-01-01T00:04:00.000Z", 0],
    ["2026-01-01T00:05:00.000Z", 2],
  ]);
  expect(sums(device)).toEqual({ messages_count: 5, device_activity: 2 });
  expect(sums(await metrics(`/hubs/${h.hub.id}/metrics`))).toEqual({ messages_count: 6, active_devices: 3 });

  const now = h.world.clock.now();
  for (const [back, count] of [
    [30 * MINUTE, 60],
    [20 * HOUR, 24],
    [6 * DAY, 42],
    [29 * DAY, 30],
    [300 * DAY, 12],
    [900 * DAY, 12],
  ] as const) {
    const start = encodeURIComponent(new Date(now - back).toISOString());
    const hub = await metrics(`/hubs/${h.hub.id}/metrics?start_date=${start}`);
    expect([count, hub[0].points.length, sums(hub)["messages_count"]]).toEqual([count, count, 6]);
  }
  expect((await h.call("GET", `/hubs/${h.hub.id}/metrics?start_date=yesterday`)).body.details[0].argument_name).toBe(
    "start_date",
  );
});

test("counts are stored without being read, are removed with their device, and expire", async () => {
  await using h = await openHub();
  h.world.scheduler.start();
  const { device } = await h.createDevice("a");
  const path = `/twins/${device.id}/documents/d`;
  const rows = (where: string) =>
    h.world.query(`SELECT sum(messages) AS sum, count(*) AS count FROM message_counts ${where}`)[0];
  for (let i = 0; i < 90; i++) {
    await h.call("PUT", path, { data: {} });
    h.world.clock.advance(MINUTE);
    await h.world.scheduler.settled();
  }
  expect(rows(`WHERE subject_id = '${device.id}' AND scale = 'day'`)).toEqual({ sum: 90, count: 1 });
  expect(rows(`WHERE subject_id = '${device.id}' AND scale = 'hour'`)).toEqual({ sum: 90, count: 2 });
  const minutes = rows(`WHERE subject_id = '${device.id}' AND scale = 'minute'`);
  expect(minutes.count).toBeLessThanOrEqual(61);
  await h.call("DELETE", `/devices/${device.id}`);
  expect(rows(`WHERE subject_id = '${device.id}'`)).toEqual({ sum: null, count: 0 });
  expect(rows(`WHERE subject_id = '${h.hub.id}' AND scale = 'day'`)).toEqual({ sum: 90, count: 1 });
  await h.call("DELETE", `/hubs/${h.hub.id}`);
  expect(rows("")).toEqual({ sum: null, count: 0 });
});
