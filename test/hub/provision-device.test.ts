import { expect, test } from "bun:test";
import { identifyDevice } from "../../src/hub/admission/identify-device.ts";
import { DEVICES_PER_HUB_MAX } from "../../src/hub/registry/device-quota.ts";
import { adoptCa, type Made, make, makeCa, shown } from "../support/world/device-certificates.ts";
import { openHub } from "../support/world/hub.ts";

/** A hub that provisions the devices that its customer's CA vouches for. */
async function openProvisioning() {
  const h = await openHub();
  const ca = await makeCa();
  await adoptCa(h, ca);
  await h.call("PATCH", `/hubs/${h.hub.id}`, { enable_device_auto_provisioning: true });
  const connect = (leaf: Made, peer = "192.0.2.7:4711") =>
    identifyDevice(h.world.deps, shown({ certificates: [leaf.der, ca.der], peer, clientId: "any" }));
  const names = async () => (await h.call("GET", "/devices")).body.devices.map(({ name }: { name: string }) => name);
  return { ...h, ca, connect, names, [Symbol.asyncDispose]: () => h.world[Symbol.asyncDispose]() };
}

test("a new name that the CA vouches for becomes a device with that name", async () => {
  await using p = await openProvisioning();
  const leaf = await make({ name: "Zähler 7", by: p.ca });
  const first = await p.connect(leaf);
  if ("reason" in first) throw new Error(first.event);
  expect([first.by, first.secure, first.provisioned, first.hub.id]).toEqual(["certificate", true, true, p.hub.id]);
  const device = (await p.call("GET", `/devices/${first.device.id}`)).body;
  expect(device).toMatchObject({
    name: "Zähler 7",
    hub_id: p.hub.id,
    status: "enabled",
    allow_insecure: false,
    allow_multiple_connections: false,
    has_custom_certificate: false,
    message_filters: { publish: { policy: "reject", topics: [] }, subscribe: { policy: "reject", topics: [] } },
  });
  expect(device.description).toContain("192.0.2.7:4711");
  expect((await p.call("GET", `/hubs/${p.hub.id}`)).body.device_count).toBe(1);
  const twin = (await p.caller.call("GET", `/twins/${device.id}`)).body;
  expect([twin.owner, twin.status]).toEqual([p.caller.account, "alive"]);
  const kinds = p.world.query("SELECT kind, actor_kind FROM events WHERE twin_id = ? ORDER BY sequence", device.id);
  expect(kinds.map(({ kind, actor_kind }) => [kind, actor_kind])).toEqual([
    ["twin.created", "system"],
    ["device.created", "system"],
  ]);

  // From then on it is an ordinary device, also for another certificate with its name.
  expect(await p.connect(leaf)).toMatchObject({ device: { id: device.id }, provisioned: false });
  expect(await p.connect(await make({ name: "Zähler 7", by: p.ca }))).toMatchObject({ device: { id: device.id } });
  await p.call("POST", `/devices/${device.id}/disable`);
  expect(await p.connect(leaf)).toMatchObject({ reason: "device_disabled", deviceId: device.id });
  await p.call("DELETE", `/devices/${device.id}`);
  const again = await p.connect(leaf);
  expect(again).toMatchObject({ provisioned: true });
  expect("device" in again && again.device.id).not.toBe(device.id);
});

test("concurrent connections with one new name create one device", async () => {
  await using p = await openProvisioning();
  const leaves = await Promise.all([1, 2, 3].map(() => make({ name: "panel", by: p.ca })));
  const outcomes = await Promise.all([...leaves, ...leaves].map((leaf) => p.connect(leaf)));
  const found = outcomes.map((outcome) => ("reason" in outcome ? undefined : outcome));
  expect(new Set(found.map((one) => one?.device.id)).size).toBe(1);
  expect(found.filter((one) => one?.provisioned)).toHaveLength(1);
  expect(await p.names()).toEqual(["panel"]);
  const created = p.world.query(
    "SELECT count(*) AS count FROM events WHERE kind IN ('device.created', 'twin.created')",
  );
  expect(created).toMatchObject([{ count: 2 }]);
});

test("a device that the hub would refuse is not provisioned", async () => {
  await using p = await openProvisioning();
  const other = await makeCa();
  const refused = async (leaf: Made) => {
    const outcome = await p.connect(leaf);
    return "reason" in outcome ? outcome : "provisioned";
  };
  const bad = { reason: "bad_certificate", event: "invalid device certificate", deviceId: null, hubId: p.hub.id };
  expect(await refused(await make({ name: "panel", by: other }))).toEqual(bad as never);
  expect(await refused(await make({ name: "panel" }))).toEqual(bad as never);
  for (const name of ["a/b", "a,O=b", "a+b", "a#", "a\nb", "x".repeat(256)]) {
    expect(await refused(await make({ name, by: p.ca }))).toEqual({ ...bad, proved: true } as never);
  }
  const empty = { ...bad, event: "certificate common name cannot be empty", proved: true };
  expect(await refused(await make({ name: [{ O: ["x"] }], by: p.ca }))).toEqual(empty as never);

  const good = await make({ name: "panel", by: p.ca });
  const unknown = { ...bad, reason: "unidentified", event: "could not identify device", proved: true };
  await p.call("PATCH", `/hubs/${p.hub.id}`, { enable_device_auto_provisioning: false });
  expect(await refused(good)).toEqual(unknown as never);
  await p.call("PATCH", `/hubs/${p.hub.id}`, { enable_device_auto_provisioning: true });
  await p.call("POST", `/hubs/${p.hub.id}/disable`);
  const notReady = { ...bad, reason: "hub_not_ready", event: "hub is not ready", proved: true };
  expect(await refused(good)).toEqual(notReady as never);
  expect(await p.names()).toEqual([]);
});

test("a change of the hub during provisioning takes effect", async () => {
  await using p = await openProvisioning();
  const leaf = await make({ name: "panel", by: p.ca });
  const meanwhile = async (change: () => Promise<unknown>) => {
    const connecting = p.connect(leaf);
    await change();
    const outcome = await connecting;
    return "reason" in outcome ? outcome.reason : (await p.call("GET", `/devices/${outcome.device.id}`)).status;
  };
  // In either order: no device remains without its hub, and no invisible device was created.
  const disabled = await meanwhile(() =>
    p.call("PATCH", `/hubs/${p.hub.id}`, { enable_device_auto_provisioning: false }),
  );
  expect([200, "unidentified"]).toContain(disabled as never);
  await meanwhile(() => p.call("DELETE", `/hubs/${p.hub.id}?delete_devices=true`));
  expect(await p.names()).toEqual([]);
  expect(p.world.query("SELECT id FROM hubs WHERE id = ?", p.hub.id)).toEqual([]);
});

test("a full hub provisions no more devices, and its existing devices connect", async () => {
  await using p = await openProvisioning();
  const [known, other] = [await make({ name: "known", by: p.ca }), await make({ name: "other", by: p.ca })];
  expect(await p.connect(known)).toMatchObject({ provisioned: true });
  // At the limit, according to its own count.
  p.world.seed((connection) =>
    connection.run("UPDATE hubs SET device_count = ? WHERE id = ?", DEVICES_PER_HUB_MAX, p.hub.id),
  );
  p.world.clock.advance(1);
  await p.world.createAccount();
  const about = { deviceId: null, hubId: p.hub.id, proved: true };
  const full = { reason: "hub_full", event: "could not identify device", ...about };
  expect(await p.connect(other)).toEqual(full as never);
  expect(await p.connect(known)).toMatchObject({ provisioned: false });
  expect(await p.names()).toEqual(["known"]);
});
