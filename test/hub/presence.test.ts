import { expect, test } from "bun:test";
import { ActivityBuffer } from "../../src/hub/admission/activity-buffer.ts";
import { admissionBasisOf } from "../../src/hub/admission/admission-basis.ts";
import { identifyDevice } from "../../src/hub/admission/identify-device.ts";
import { deviceConnected, deviceDisconnected, noteActivity, resetPresence } from "../../src/hub/admission/presence.ts";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { START, shown } from "../support/world/device-certificates.ts";
import { openHub } from "../support/world/hub.ts";

const connection = { clientId: "panel-1", transport: "websocket", peer: "192.0.2.7:4711", level: 5 } as const;
const recorded = { client_id: "panel-1", transport: "websocket", peer: "192.0.2.7:4711", level: 5 };

async function openPresence() {
  const h = await openHub();
  const { device } = await h.createDevice("panel", { allow_insecure: true });
  const { store } = h.world;
  const connect = (deviceId: string = device.id) => store.write(deviceConnected, SYSTEM, { deviceId, connection });
  const disconnect = (reason: string, connectionsLeft = 0, deviceId: string = device.id) =>
    store.write(deviceDisconnected, SYSTEM, { deviceId, connection, reason, connectionsLeft });
  const look = async (id: string = device.id) => {
    const { is_connected, last_activity_at } = (await h.call("GET", `/devices/${id}`)).body;
    const { connected_device_count } = (await h.call("GET", `/hubs/${h.hub.id}`)).body;
    return [is_connected, last_activity_at, connected_device_count];
  };
  const journal = () =>
    h.world
      .query(
        "SELECT kind, twin_id, account_id, actor_kind, data FROM events WHERE kind GLOB 'device.*connected' ORDER BY sequence",
      )
      .map(({ data, ...row }) => ({ ...row, data: JSON.parse(data) }));
  return {
    ...h,
    device,
    connect,
    disconnect,
    look,
    journal,
    [Symbol.asyncDispose]: () => h.world[Symbol.asyncDispose](),
  };
}

const at = (ms: number) => new Date(START + ms).toISOString();

test("a device is connected while any of its connections is, and the journal records each", async () => {
  await using p = await openPresence();
  expect(await p.look()).toEqual([false, "1970-01-01T00:00:00Z", 0]);
  p.world.clock.advance(1000);
  expect(await p.connect()).toBeNull();
  expect(await p.look()).toEqual([true, at(1000), 1]);
  p.world.clock.advance(1000);
  await p.connect();
  await p.disconnect("keep alive timeout", 1);
  expect(await p.look()).toEqual([true, at(2000), 1]);
  p.world.clock.advance(1000);
  await p.disconnect("closed by the device");
  expect(await p.look()).toEqual([false, at(2000), 0]);
  const row = { twin_id: p.device.id, account_id: p.caller.account, actor_kind: "system" };
  expect(p.journal()).toEqual([
    { kind: "device.connected", ...row, data: recorded },
    { kind: "device.connected", ...row, data: recorded },
    { kind: "device.disconnected", ...row, data: { ...recorded, reason: "keep alive timeout", connections_left: 1 } },
    { kind: "device.disconnected", ...row, data: { ...recorded, reason: "closed by the device", connections_left: 0 } },
  ]);
});

test("a device that changed since it was admitted is refused with the reason", async () => {
  await using p = await openPresence();
  const { store, deps } = p.world;
  const identified = await identifyDevice(deps, shown({ clientId: p.device.id }));
  if ("reason" in identified) throw new Error(identified.event);
  const standing = admissionBasisOf(identified);
  const enter = () => store.write(deviceConnected, SYSTEM, { deviceId: p.device.id, connection, standing });
  expect(await enter()).toBeNull();
  await p.disconnect("done");
  const device = (body: object) => p.call("PATCH", `/devices/${p.device.id}`, body);
  await device({ allow_insecure: false });
  const security = "device security has changed, requires authentication";
  expect(await enter()).toEqual({ reason: "security_changed", event: security });
  await device({ allow_insecure: true });
  await p.call("POST", `/devices/${p.device.id}/disable`);
  expect(await enter()).toEqual({ reason: "device_disabled", event: "device is not enabled" });
  await p.call("POST", `/hubs/${p.hub.id}/disable`);
  expect(await enter()).toEqual({ reason: "hub_not_ready", event: "hub is not ready" });
  const other = (await p.call("POST", "/hubs", { name: "other" })).body.id;
  await device({ hub_id: other });
  expect((await enter())?.reason).toBe("device_moved");
  await p.call("DELETE", `/devices/${p.device.id}`);
  const gone = { reason: "device_deleted", event: "device is deleted" };
  expect(await enter()).toEqual(gone as never);
  expect(await p.connect()).toEqual(gone as never);
  await p.disconnect("device is deleted");
  expect(p.journal()).toHaveLength(2);
  expect(p.world.query("SELECT * FROM device_activity")).toEqual([]);
});

test("the counts follow a connected device to another hub and end with it", async () => {
  await using p = await openPresence();
  const other = (await p.call("POST", "/hubs", { name: "other" })).body.id;
  const counts = async () => {
    const hubs = await Promise.all([p.hub.id, other].map((id) => p.call("GET", `/hubs/${id}`)));
    return hubs.map(({ body }) => body.connected_device_count);
  };
  await p.connect();
  await p.connect();
  expect(await counts()).toEqual([1, 0]);
  await p.call("PATCH", `/devices/${p.device.id}`, { hub_id: other });
  expect(await counts()).toEqual([0, 1]);
  await p.call("DELETE", `/devices/${p.device.id}`);
  expect(await counts()).toEqual([0, 0]);
});

test("the last activity never decreases, and is never later than now", async () => {
  await using p = await openPresence();
  const note = (...instants: number[]) =>
    p.world.store.write(noteActivity, SYSTEM, {
      activity: instants.map((ms) => ({ deviceId: p.device.id, at: START + ms })),
    });
  p.world.clock.advance(10_000);
  await note(5000);
  expect((await p.look())[1]).toBe(at(5000));
  await note(4000);
  expect((await p.look())[1]).toBe(at(5000));
  await note(7000, 6000);
  expect((await p.look())[1]).toBe(at(7000));
  await note(60_000);
  expect((await p.look())[1]).toBe(at(10_000));
  p.world.clock.set(START);
  await p.connect();
  expect((await p.look())[1]).toBe(at(10_000));
  const unknown = { deviceId: p.world.deps.random.uuid(), at: START };
  await p.world.store.write(noteActivity, SYSTEM, { activity: [unknown, { deviceId: p.device.id, at: START + 1 }] });
  expect((await p.look())[1]).toBe(at(10_000));
});

test("activity is written at most once a second per device, however much there is", async () => {
  await using p = await openPresence();
  const { deps, clock } = p.world;
  const writes: number[] = [];
  const store = {
    ...deps.store,
    write: ((command, actor, input) => {
      if (command.name === "note_activity") writes.push((input as { activity: unknown[] }).activity.length);
      return deps.store.write(command, actor, input);
    }) as typeof deps.store.write,
  };
  const log = new ActivityBuffer({ ...deps, store });
  const { device: other } = await p.createDevice("other");
  for (let i = 0; i < 999; i++) {
    log.note(p.device.id);
    log.note(other.id);
    clock.advance(1);
  }
  expect(writes).toEqual([]);
  clock.advance(1);
  await log.keep();
  expect(writes).toEqual([2]);
  expect([(await p.look())[1], (await p.look(other.id))[1]]).toEqual([at(998), at(998)]);
  clock.advance(60_000);
  await log.keep();
  expect(writes).toEqual([2]);
  for (let i = 0; i < 1200; i++) log.note(deps.random.uuid());
  log.note(p.device.id);
  await log.stop();
  expect(writes).toEqual([2, ...Array(12).fill(100), 1]);
  expect((await p.look())[1]).toBe(at(61_000));
});

test("activity that could not be stored is stored a second later", async () => {
  await using p = await openPresence();
  const { deps, clock } = p.world;
  let full = true;
  const store = {
    ...deps.store,
    write: ((command, actor, input) =>
      full ? Promise.reject(new Error("full")) : deps.store.write(command, actor, input)) as typeof deps.store.write,
  };
  const log = new ActivityBuffer({ ...deps, store });
  log.note(p.device.id);
  await log.keep();
  expect((await p.look())[1]).toBe("1970-01-01T00:00:00Z");
  full = false;
  clock.advance(1000);
  await log.keep();
  expect((await p.look())[1]).toBe(at(0));
  expect(p.world.logged.map(({ event }) => event)).toContain("activity.not_kept");
});

test("a start disconnects exactly the devices that were connected when the last server died", async () => {
  await using p = await openPresence();
  const { device: idle } = await p.createDevice("idle");
  await p.connect();
  p.world.seed((connection) => {
    for (let i = 0; i < 1100; i++) {
      const id = p.world.deps.random.uuid();
      connection.run(
        "INSERT INTO twins (id, owner_id, creator_id, created_at, updated_at) VALUES (?, ?, ?, 1, 1)",
        id,
        p.caller.account,
        p.caller.account,
      );
      connection.run(
        `INSERT INTO devices (id, account_id, hub_id, name, description, enabled, allow_insecure, allow_multiple_connections, message_filters,
           has_custom_certificate, is_connected, created_at, updated_at) VALUES (?, ?, ?, ?, '', 1, 0, 0, '{}', 0, 1, 1, 1)`,
        id,
        p.caller.account,
        p.hub.id,
        `device ${i}`,
      );
    }
  });
  expect(await resetPresence(p.world.deps)).toBe(1101);
  expect((await p.look())[2]).toBe(0);
  const [row] = p.world.query(
    "SELECT data FROM events WHERE kind = 'device.disconnected' AND twin_id = ?",
    p.device.id,
  );
  expect(JSON.parse(row.data)).toEqual({ reason: "server restarted", connections_left: 0 });
  expect(p.journal().filter(({ kind }) => kind === "device.disconnected")).toHaveLength(1101);
  expect(p.journal().filter(({ twin_id }) => twin_id === idle.id)).toEqual([]);
  expect(await resetPresence(p.world.deps)).toBe(0);
  expect(p.world.query("SELECT count(*) AS count FROM devices WHERE is_connected = 1")).toMatchObject([{ count: 0 }]);
});
