import { expect, test } from "bun:test";
import { admissionBasisOf, evictionReason } from "../../src/hub/admission/admission-basis.ts";
import { identifyDevice } from "../../src/hub/admission/identify-device.ts";
import { deviceConnected, deviceDisconnected } from "../../src/hub/admission/presence.ts";
import { followDevices } from "../../src/hub/device-feed.ts";
import type { DeviceChange } from "../../src/hub/registry/device-feed-rows.ts";
import { loadDevice } from "../../src/hub/registry/lookups.ts";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { adoptCa, make, makeCa, shown } from "../support/world/device-certificates.ts";
import { openHub } from "../support/world/hub.ts";

async function openFeed() {
  const h = await openHub();
  const { device } = await h.createDevice("panel", { allow_insecure: true });
  const seen: DeviceChange[] = [];
  const feed = followDevices(h.world.deps, (change) => seen.push(change));
  feed.start();
  /** Changes reported since the last call. A change is reported one turn of the event loop after its response. */
  const reported = async () => {
    await new Promise((done) => setImmediate(() => setImmediate(done)));
    return seen.splice(0).map(({ kind, deviceId, hubId, leftHubId }) => [kind, deviceId, hubId, leftHubId]);
  };
  const close = async () => {
    feed.stop();
    await h.world[Symbol.asyncDispose]();
  };
  return { ...h, device, feed, reported, seen, [Symbol.asyncDispose]: close };
}

test("every change of a hub or a device is reported once and in order", async () => {
  await using f = await openFeed();
  const [id, hub] = [f.device.id, f.hub.id];
  expect(await f.reported()).toEqual([]);
  const step = async (method: string, path: string, body: object, ...expected: unknown[][]) => {
    const { status, body: answer } = await f.call(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    expect([path, body, await f.reported()]).toEqual([path, body, expected]);
    return answer;
  };
  const updated = ["device.updated", id, hub, null];
  await step("PATCH", `/devices/${id}`, { allow_multiple_connections: true }, updated);
  await step("PATCH", `/devices/${id}`, { allow_multiple_connections: false }, updated);
  await step("PATCH", `/devices/${id}`, { allow_insecure: false }, updated);
  const filters = { publish: { policy: "accept", topics: ["a/#"] } };
  await step("PATCH", `/devices/${id}`, { message_filters: filters }, updated);
  await step("POST", `/devices/${id}/disable`, {}, ["device.disabled", id, hub, null]);
  await step("POST", `/devices/${id}/enable`, {}, ["device.enabled", id, hub, null]);
  await step("POST", `/devices/${id}/renew-certificate`, {}, ["device.certificate_renewed", id, hub, null]);
  const set = { certificate_pem: (await make()).pem };
  await step("PUT", `/devices/${id}/certificate`, set, ["device.certificate_set", id, hub, null]);
  await step("PATCH", `/hubs/${hub}`, { disable_events: true }, ["hub.updated", null, hub, null]);
  await step("PATCH", `/hubs/${hub}`, { events_topic_prefix: "events" }, ["hub.updated", null, hub, null]);
  await step("POST", `/hubs/${hub}/disable`, {}, ["hub.disabled", null, hub, null]);
  await step("PATCH", `/hubs/${hub}`, { product_plan: "plan_ha" }, ["hub.updated", null, hub, null]);
  await step("POST", `/hubs/${hub}/enable`, {}, ["hub.enabled", null, hub, null]);
  await adoptCa(f, await makeCa());
  const around = [
    ["hub.disabled", null, hub, null],
    ["hub.ca_set", null, hub, null],
    ["hub.enabled", null, hub, null],
  ];
  expect(await f.reported()).toEqual(around as never);

  const other = (await f.call("POST", "/hubs", { name: "other" })).body.id;
  expect(await f.reported()).toEqual([["hub.created", null, other, null]]);
  await step("PATCH", `/devices/${id}`, { hub_id: other }, ["device.updated", id, other, hub]);
  await step("DELETE", `/devices/${id}`, {}, ["device.deleted", id, other, null]);

  const { device: twin } = await f.createDevice("twin");
  expect(await f.reported()).toEqual([["device.created", twin.id, hub, null]]);
  expect((await f.caller.call("DELETE", `/twins/${twin.id}`)).status).toBeLessThan(300);
  expect(await f.reported()).toEqual([["device.deleted", twin.id, hub, null]]);

  const { device: last } = await f.createDevice("last");
  await f.call("DELETE", `/hubs/${hub}?delete_devices=true`);
  const ends = [
    ["device.created", last.id, hub, null],
    ["hub.deleted", null, hub, null],
    ["device.deleted", last.id, hub, null],
  ];
  expect(await f.reported()).toEqual(ends as never);
});

test("documents, connections and refused changes are not reported", async () => {
  await using f = await openFeed();
  const { store } = f.world;
  const connection = { clientId: "a", transport: "tcp", peer: "192.0.2.7:1", level: 4 } as const;
  await store.write(deviceConnected, SYSTEM, { deviceId: f.device.id, connection });
  await f.call("PUT", `/twins/${f.device.id}/documents/current`, { data: { a: 1 } });
  await store.write(deviceDisconnected, SYSTEM, { deviceId: f.device.id, reason: "done", connectionsLeft: 0 });
  expect((await f.call("PATCH", `/hubs/${f.hub.id}`, { product_plan: "plan_ha" })).status).toBe(412);
  f.world.clock.advance(5000);
  expect(await f.reported()).toEqual([]);
});

test("many changes at once are reported one after the other, and an exception of the listener does no harm", async () => {
  await using f = await openFeed();
  const heard: number[] = [];
  const failing = followDevices(f.world.deps, ({ sequence }) => {
    heard.push(sequence);
    throw new Error("ours");
  });
  failing.start();
  await Promise.all(Array.from({ length: 350 }, (_, i) => f.call("PATCH", `/hubs/${f.hub.id}`, { name: `hub ${i}` })));
  const all = [];
  while (all.length < 350) all.push(...(await f.reported()));
  expect(all).toHaveLength(350);
  expect(heard).toHaveLength(350);
  expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
  expect(f.world.logged.filter(({ event }) => event === "devices.change_failed")).toHaveLength(350);
  failing.stop();
  f.feed.stop();
  await f.createDevice("late");
  f.world.clock.advance(5000);
  expect([await f.reported(), heard.length]).toEqual([[], 350]);
});

test("a change by another process is reported within a second", async () => {
  await using f = await openFeed();
  f.world.seed((connection) =>
    connection.run(
      `INSERT INTO events (occurred_at, account_id, twin_id, kind, actor_kind, data) VALUES (?, ?, ?, 'device.disabled', 'operator', ?)`,
      f.world.clock.now(),
      f.caller.account,
      f.device.id,
      JSON.stringify({ hub: f.hub.id }),
    ),
  );
  expect(await f.reported()).toEqual([]);
  // A write of our own ends the snapshot that is read from.
  await f.world.createAccount();
  f.world.clock.advance(1000);
  expect(await f.reported()).toEqual([["device.disabled", f.device.id, f.hub.id, null]]);
});

test("the query for changes uses its index", async () => {
  await using f = await openFeed();
  const [index] = f.world.query("SELECT sql FROM sqlite_schema WHERE name = 'events_of_devices'");
  const rows = await Bun.file(`${import.meta.dir}/../../src/hub/registry/device-feed-rows.ts`).text();
  const flat = (text: string) => text.replace(/\s+/g, " ");
  const where = /`(\(kind BETWEEN[^`]+)`/.exec(rows)?.[1];
  expect(flat(index.sql)).toEndWith(flat(`WHERE ${where}`));
});

test("a connection has to end when the basis of its admission has changed", async () => {
  await using f = await openFeed();
  const [id, hub] = [f.device.id, f.hub.id];
  const now = () =>
    f.world.deps.store.read((reader) => loadDevice(reader, id)) ?? { device: undefined, hub: undefined };
  const enter = async (credentials = shown({ clientId: id })) => {
    const identified = await identifyDevice(f.world.deps, credentials);
    if ("reason" in identified) throw new Error(identified.event);
    return admissionBasisOf(identified);
  };
  const plain = await enter();
  const reason = (standing = plain, kind?: string) => evictionReason(standing, now(), kind)?.event;
  const device = (body: object) => f.call("PATCH", `/devices/${id}`, body);
  const hubCall = (verb: string) => f.call("POST", `/hubs/${hub}/${verb}`);
  const security = "device security has changed, requires authentication";

  await device({
    description: "x",
    allow_multiple_connections: true,
    message_filters: { publish: { policy: "accept", topics: ["a"] } },
  });
  await f.call("PATCH", `/hubs/${hub}`, { name: "x", disable_events: true, events_topic_prefix: "e" });
  expect(reason()).toBeUndefined();
  expect(reason(plain, "device.updated")).toBeUndefined();
  expect([reason(plain, "device.disabled"), reason(plain, "hub.disabled")]).toEqual([
    "device is not enabled",
    "hub is not ready",
  ]);

  await device({ allow_insecure: false });
  expect(reason()).toBe(security);
  expect(reason({ ...plain, secure: true })).toBeUndefined();
  await device({ allow_insecure: true });
  expect(reason()).toBeUndefined();

  await f.call("POST", `/devices/${id}/renew-certificate`);
  expect([reason(), reason({ ...plain, secure: true })]).toEqual([security, security]);
  const renewed = await enter();
  const own = await make();
  await f.call("PUT", `/devices/${id}/certificate`, { certificate_pem: own.pem });
  // A new certificate counts once its key is proven; until then the previous one does.
  expect(reason(renewed)).toBeUndefined();
  const proved = await enter(shown({ certificates: [own.der], clientId: id }));
  expect(reason(renewed)).toBe(security);
  expect([proved.secure, reason(proved)]).toEqual([true, undefined]);

  await hubCall("disable");
  expect(reason(proved)).toBe("hub is not ready");
  await f.call("PATCH", `/hubs/${hub}`, { product_plan: "plan_ha" });
  await hubCall("enable");
  expect(reason(proved)).toBe("hub product plan has changed");
  const anew = await enter();
  await adoptCa(f, await makeCa());
  expect(reason(anew)).toBe(security);

  const last = await enter();
  const other = (await f.call("POST", "/hubs", { name: "other" })).body.id;
  await device({ hub_id: other });
  expect(reason(last)).toBe("device has moved to another hub");
  await f.call("DELETE", `/devices/${id}`);
  expect(reason(last)).toBe("device is deleted");
  const nothing = { device: undefined, hub: undefined };
  expect(evictionReason(last, nothing)?.event).toBe("device is deleted");
  expect(evictionReason(last, nothing, "hub.deleted")?.event).toBe("hub is deleted");
});
