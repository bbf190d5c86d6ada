import { expect, setDefaultTimeout, test } from "bun:test";
import { endHubSlice } from "../../src/hub/hubs/delete-hub.ts";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { openHub } from "../support/world/hub.ts";
import type { Json } from "../support/world/world.ts";

/** Thousands of devices take their time on a busy machine. */
setDefaultTimeout(60_000);

test("a hub with devices is only deleted on request, and is absent for every caller at once", async () => {
  await using h = await openHub();
  const { device } = await h.createDevice("panel");
  const refused = await h.call("DELETE", `/hubs/${h.hub.id}`);
  expect([refused.status, refused.body]).toMatchObject([
    412,
    { type: "precondition_failed", precondition: "resource_still_in_use", help_message: expect.any(String) },
  ]);
  const deleted = await h.call("DELETE", `/hubs/${h.hub.id}?delete_devices=true`);
  expect([deleted.status, deleted.body]).toEqual([204, ""]);
  expect((await h.call("GET", `/hubs/${h.hub.id}`)).status).toBe(404);
  expect((await h.call("GET", `/devices/${device.id}`)).status).toBe(404);
  expect((await h.caller.call("GET", `/twins/${device.id}`)).body.status).toBe("terminated");
  const empty = (await h.call("POST", "/hubs", { name: "empty" })).body;
  expect((await h.call("DELETE", `/hubs/${empty.id}`)).status).toBe(204);
});

/** Thousands of devices, with the twins and documents that creating them would make. */
function seedDevices(world: Awaited<ReturnType<typeof openHub>>["world"], hub: Json, account: string, count: number) {
  const { random } = world.deps;
  return world.seed((connection) => {
    for (let i = 0; i < count; i++) {
      const id = random.uuid();
      connection.run(
        "INSERT INTO twins (id, owner_id, creator_id, created_at, updated_at) VALUES (?, ?, ?, 1, 1)",
        id,
        account,
        account,
      );
      connection.run(
        `INSERT INTO devices (id, account_id, hub_id, name, description, enabled, allow_insecure, allow_multiple_connections,
           message_filters, has_custom_certificate, is_connected, created_at, updated_at)
         VALUES (?, ?, ?, ?, '', 1, 0, 0, '{}', 0, 0, 1, 1)`,
        id,
        account,
        hub.id,
        `device ${i}`,
      );
      connection.run("INSERT INTO documents VALUES (?, 'current', ?, 1, 1, 1, '{}')", id, account);
    }
  });
}

test("a hub with 10 000 devices is deleted in slices, while other callers continue", async () => {
  await using h = await openHub();
  const { hub, caller, world } = h;
  seedDevices(world, hub, caller.account, 10_000);
  expect((await h.call("GET", `/hubs/${hub.id}`)).body.device_count).toBe(10_000);
  const full = await h.call("POST", "/devices", { hub_id: hub.id, name: "one too many" });
  expect([full.status, full.body.details]).toEqual([
    403,
    [{ resource: "iot_devices", quota: 10_000, current: 10_000 }],
  ]);

  const other = await world.createAccount("Other");
  const twin = (await other.call("POST", "/twins")).body.creation_certificate.uuid;
  let gone = false;
  const began = performance.now();
  const deletion = h.call("DELETE", `/hubs/${hub.id}?delete_devices=true`).then((answer) => {
    gone = true;
    return answer;
  });
  const waits: number[] = [];
  for (let version = 1; !gone; version++) {
    const asked = performance.now();
    const put = await other.call("PUT", `/twins/${twin}/documents/d`, { version: version - 1 || 0, data: { version } });
    expect(put.body.version).toBe(version);
    waits.push(performance.now() - asked);
  }
  expect((await deletion).status).toBe(204);
  const ms = Math.round(performance.now() - began);
  const worst = Math.round(Math.max(...waits));
  process.stdout.write(
    `      10 000 devices in ${ms} ms; ${waits.length} writes of another account, ${worst} ms at most\n`,
  );
  // A slice at a time, never the whole hub.
  expect(waits.length).toBeGreaterThan(20);
  expect(world.query("SELECT count(*) AS count FROM devices")).toEqual([{ count: 0 }]);
  expect(world.query("SELECT count(*) AS count FROM hubs")).toEqual([{ count: 0 }]);
  expect(world.query("SELECT count(*) AS count FROM twins WHERE terminated_at IS NULL")).toEqual([{ count: 1 }]);
  const kinds = world.query(
    "SELECT kind, count(*) AS count FROM events WHERE kind LIKE 'd%' AND twin_id <> ? GROUP BY kind",
    twin,
  );
  expect(kinds).toEqual([
    { kind: "device.deleted", count: 10_000 },
    { kind: "document.deleted", count: 10_000 },
  ]);
});

test("a job finishes a deletion that a crash cut short; until then the hub and its devices are absent", async () => {
  await using h = await openHub();
  seedDevices(h.world, h.hub, h.caller.account, 1200);
  const [{ id: device }] = h.world.query("SELECT id FROM devices LIMIT 1");
  // As the crashed server left it: marked, with one slice done.
  h.world.seed((connection) => connection.run("UPDATE hubs SET deleted_at = 1"));
  await h.world.store.write(endHubSlice, SYSTEM, { id: h.hub.id });
  expect(h.world.query("SELECT count(*) AS count FROM devices")).toEqual([{ count: 1150 }]);
  expect((await h.call("GET", `/hubs/${h.hub.id}`)).status).toBe(404);
  expect((await h.call("GET", "/devices")).body).toEqual({ total_count: 0, devices: [] });
  expect((await h.call("GET", `/devices/${device}`)).status).toBe(404);
  expect((await h.call("POST", "/devices", { hub_id: h.hub.id, name: "x" })).status).toBe(404);
  const [{ id: late }] = h.world.query("SELECT id FROM devices LIMIT 1");
  expect((await h.call("GET", `/twins/${late}`)).status).toBe(404);
  // Terminating a twin that still waits for its slice causes no trouble.
  expect((await h.caller.call("DELETE", `/twins/${late}`)).status).toBe(200);
  h.world.scheduler.start();
  h.world.clock.advance(60 * 60_000);
  await h.world.scheduler.settled();
  expect(
    h.world.query("SELECT (SELECT count(*) FROM devices) AS devices, (SELECT count(*) FROM hubs) AS hubs"),
  ).toEqual([{ devices: 0, hubs: 0 }]);
});
