import { expect, test } from "bun:test";
import { hubCaller, openHub } from "../support/world/hub.ts";

const NO_FILTERS = { publish: { policy: "reject", topics: [] }, subscribe: { policy: "reject", topics: [] } };

test("a device is created with its twin, has a unique name in its hub, and can be changed", async () => {
  await using h = await openHub();
  const { device, certificate } = await h.createDevice("panel", { allow_insecure: true });
  expect(device).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    name: "panel",
    description: "",
    status: "enabled",
    hub_id: h.hub.id,
    last_activity_at: "1970-01-01T00:00:00Z",
    is_connected: false,
    allow_insecure: true,
    allow_multiple_connections: false,
    message_filters: NO_FILTERS,
    has_custom_certificate: false,
    created_at: "2026-01-01T00:00:00.000Z",
    updated_at: "2026-01-01T00:00:00.000Z",
    region: "fr-par",
  });
  expect(Object.keys(certificate)).toEqual(["crt", "key"]);
  const twin = await h.caller.call("GET", `/twins/${device.id}`);
  expect([twin.status, twin.body.status, twin.body.owner]).toEqual([200, "alive", h.caller.account]);

  const again = await h.call("POST", "/devices", { hub_id: h.hub.id, name: "panel" });
  expect([again.status, again.body]).toEqual([
    409,
    {
      type: "already_exists",
      message: "resource already exists",
      resource: "device",
      resource_id: device.id,
      help_message: "A device of the hub has this name.",
    },
  ]);
  h.world.clock.advance(1000);
  const changes = {
    description: "at the door",
    allow_insecure: null,
    allow_multiple_connections: true,
    name: "ignored",
  };
  const changed = (await h.call("PATCH", `/devices/${device.id}`, changes)).body;
  expect(changed).toEqual({
    ...device,
    description: "at the door",
    allow_multiple_connections: true,
    updated_at: "2026-01-01T00:00:01.000Z",
  });
  expect((await h.call("GET", `/devices/${device.id}`)).body).toEqual(changed);
  expect((await h.call("GET", `/hubs/${h.hub.id}`)).body.device_count).toBe(1);
});

test("a device is disabled and enabled, with either kind of empty body", async () => {
  await using h = await openHub();
  const { device } = await h.createDevice("panel");
  expect((await h.call("POST", `/devices/${device.id}/disable`, {})).body.status).toBe("disabled");
  expect((await h.call("POST", `/devices/${device.id}/disable`)).body.status).toBe("disabled");
  expect((await h.call("GET", "/devices?status=disabled")).body.total_count).toBe(1);
  expect((await h.call("POST", `/devices/${device.id}/enable`)).body.status).toBe("enabled");
});

test("deleting a device removes its documents and terminates its twin, and so does terminating its twin", async () => {
  await using h = await openHub();
  for (const end of ["hub", "account"] as const) {
    const { device } = await h.createDevice("panel");
    await h.call("PUT", `/twins/${device.id}/documents/current`, { data: { a: 1 } });
    const answer =
      end === "hub"
        ? await h.call("DELETE", `/devices/${device.id}`)
        : await h.caller.call("DELETE", `/twins/${device.id}`);
    expect([end, answer.status]).toEqual([end, end === "hub" ? 204 : 200]);
    expect((await h.caller.call("GET", `/twins/${device.id}`)).body.status).toBe("terminated");
    expect((await h.caller.call("GET", `/twins/${device.id}/documents`)).body).toEqual({ documents: [] });
    for (const path of [`/devices/${device.id}`, `/devices/${device.id}/certificate`]) {
      const gone = await h.call("GET", path);
      expect([path, gone.status, gone.body.resource]).toEqual([path, 404, "device"]);
    }
    const twin = await h.call("GET", `/twins/${device.id}/documents/current`);
    expect([twin.status, twin.body.resource]).toEqual([404, "twin"]);
    expect((await h.call("GET", `/hubs/${h.hub.id}`)).body.device_count).toBe(0);
    const kinds = h.world.query("SELECT kind FROM events WHERE twin_id = ? ORDER BY sequence", device.id);
    expect(kinds.slice(-3).map(({ kind }) => kind)).toEqual(["twin.terminated", "document.deleted", "device.deleted"]);
  }
});

test("a role without permission for twins cannot create or delete devices, and the other way round", async () => {
  await using h = await openHub();
  const { device } = await h.createDevice("panel");
  const noTwins = await h.world.createUser(h.caller, { effect: "deny", actions: ["create_twin", "terminate_twin"] });
  const call = hubCaller(h.world, noTwins.token);
  expect((await call("POST", "/devices", { hub_id: h.hub.id, name: "x" })).status).toBe(403);
  expect((await call("DELETE", `/devices/${device.id}`)).status).toBe(403);
  expect((await call("DELETE", `/hubs/${h.hub.id}?delete_devices=true`)).status).toBe(403);
  const noDevices = await h.world.createUser(h.caller, { effect: "deny", actions: ["delete_device"] });
  expect((await noDevices.call("DELETE", `/twins/${device.id}`)).body.subcode).toBe(403_535);
  const plain = (await noDevices.call("POST", "/twins")).body.creation_certificate.uuid;
  expect((await noDevices.call("DELETE", `/twins/${plain}`)).status).toBe(200);
  expect((await h.call("GET", `/devices/${device.id}`)).status).toBe(200);
  expect((await h.call("GET", "/devices")).body.total_count).toBe(1);
});

test("a device moves to another hub of the account with its documents, if its name is free there", async () => {
  await using h = await openHub();
  const other = (await h.call("POST", "/hubs", { name: "other" })).body;
  const { device } = await h.createDevice("panel");
  await h.call("PUT", `/twins/${device.id}/documents/d`, { data: { a: 1 } });
  await h.call("POST", "/devices", { hub_id: other.id, name: "panel" });
  const taken = await h.call("PATCH", `/devices/${device.id}`, { hub_id: other.id });
  expect([taken.status, taken.body.type]).toEqual([409, "already_exists"]);
  const third = (await h.call("POST", "/hubs", { name: "third" })).body;
  expect((await h.call("PATCH", `/devices/${device.id}`, { hub_id: third.id })).body.hub_id).toBe(third.id);
  expect((await h.call("GET", `/twins/${device.id}/documents/d`)).body.data).toEqual({ a: 1 });
  const counts = (await h.call("GET", "/hubs")).body.hubs.map((hub: { device_count: number }) => hub.device_count);
  expect(counts).toEqual([0, 1, 1]);
  const stranger = await h.world.createAccount("Stranger");
  const theirs = (await hubCaller(h.world, stranger.token)("POST", "/hubs", { name: "x" })).body;
  const refused = await h.call("PATCH", `/devices/${device.id}`, { hub_id: theirs.id });
  expect([refused.status, refused.body.resource]).toEqual([404, "hub"]);
});

test("all message filters are returned, and a rule omitted from an update is kept", async () => {
  await using h = await openHub();
  const publish = { policy: "accept", topics: ["sensors/{{ device.id }}/#", "+/a"] };
  const { device } = await h.createDevice("panel", { message_filters: { publish, subscribe: null } });
  expect(device.message_filters).toEqual({ publish, subscribe: NO_FILTERS.subscribe });
  const patch = async (message_filters: unknown) =>
    (await h.call("PATCH", `/devices/${device.id}`, { message_filters })).body.message_filters;
  const subscribe = { policy: "reject", topics: ["secret/#"] };
  expect(await patch({ subscribe })).toEqual({ publish, subscribe });
  expect(await patch({ publish: { policy: "unknown", topics: null } })).toEqual({ ...NO_FILTERS, subscribe });
  expect(await patch(null)).toEqual({ ...NO_FILTERS, subscribe });
  for (const topics of [[""], ["a/#/b"], ["a#"], ["a+/b"], ["a\0b"], "a", [1], [null], ["x".repeat(65_536)]]) {
    const refused = await h.call("PATCH", `/devices/${device.id}`, { message_filters: { publish: { topics } } });
    expect([topics, refused.status, refused.body.type]).toEqual([topics, 400, "invalid_arguments"]);
    expect(refused.body.details[0].argument_name).toStartWith("message_filters.publish.topics");
  }
});

test("names that could add parts to a certificate's name or to a topic are refused", async () => {
  await using h = await openHub();
  for (const name of [
    "a,O=evil",
    "a/CN=b",
    "a+b",
    "a#",
    "a=b",
    "a\nb",
    "a\0",
    "a;b",
    'a"',
    "a\\,b",
    "<a>",
    "",
    "x".repeat(256),
  ]) {
    const refused = await h.call("POST", "/devices", { hub_id: h.hub.id, name });
    expect([name, refused.status, refused.body.details?.[0].argument_name]).toEqual([name, 400, "name"]);
  }
  for (const name of ["panel 1", "Tür-ß", "a.b_c~d", "x".repeat(255), "(a) [b] {c}"]) await h.createDevice(name);
});

test("devices are listed in pages, in any order, by name, hub, status and security", async () => {
  await using h = await openHub();
  const other = (await h.call("POST", "/hubs", { name: "other" })).body;
  for (const name of ["d", "b", "a", "c"]) {
    h.world.clock.advance(1000);
    await h.createDevice(name, { allow_insecure: name < "c" });
  }
  h.world.clock.advance(1000);
  const { device: e } = (await h.call("POST", "/devices", { hub_id: other.id, name: "e" })).body;
  await h.call("POST", `/devices/${e.id}/disable`);
  const list = async (query: string) => {
    const { status, body } = await h.call("GET", `/devices?${query}`);
    expect([query, status]).toEqual([query, 200]);
    return [body.total_count, body.devices.map(({ name }: { name: string }) => name).join("")];
  };
  expect(await list("")).toEqual([5, "abcde"]);
  expect(await list("order_by=name_desc")).toEqual([5, "edcba"]);
  expect(await list("order_by=created_at_asc&page_size=3")).toEqual([5, "dba"]);
  expect(await list("order_by=created_at_asc&page_size=3&page=2")).toEqual([5, "ce"]);
  expect(await list("page=3&page_size=3")).toEqual([5, ""]);
  expect(await list("page=0&page_size=0&status=unknown&name=&allow_insecure=")).toEqual([5, "abcde"]);
  expect(await list("page_size=1000")).toEqual([5, "abcde"]);
  expect(await list(`hub_id=${h.hub.id}&allow_insecure=false`)).toEqual([2, "cd"]);
  expect(await list("allow_insecure=true&order_by=name_desc")).toEqual([2, "ba"]);
  expect(await list("status=disabled")).toEqual([1, "e"]);
  expect(await list("status=error")).toEqual([0, ""]);
  expect(await list("name=c")).toEqual([1, "c"]);
  expect(await list("order_by=status_asc&page_size=1")).toEqual([5, "e"]);
  for (const order of ["hub_id", "updated_at", "allow_insecure"])
    expect((await list(`order_by=${order}_asc`))[0]).toBe(5);
  for (const query of [
    "page=-1",
    "page=x",
    "page_size=1.5",
    "order_by=id_asc",
    "status=on",
    "allow_insecure=maybe",
    "page=1&page=2",
  ]) {
    const refused = await h.call("GET", `/devices?${query}`);
    const name = query.split("=")[0] as string;
    expect([query, refused.status, refused.body.details?.[0].argument_name]).toEqual([query, 400, name]);
  }
  const stranger = hubCaller(h.world, (await h.world.createAccount("Stranger")).token);
  expect((await stranger("GET", "/devices")).body).toEqual({ total_count: 0, devices: [] });
  expect((await stranger("GET", `/devices?hub_id=${h.hub.id}`)).body.total_count).toBe(0);
});

test("a role that may not put documents is refused by both APIs, and a role with only that permission may", async () => {
  await using h = await openHub();
  const { device } = await h.createDevice("panel");
  const denied = await h.world.createUser(h.caller, { effect: "deny", actions: ["put_twin_document"] });
  const allowed = await h.world.createUser(h.caller, { effect: "allow", actions: ["put_twin_document"] });
  const path = `/twins/${device.id}/documents/d`;
  for (const [user, statuses] of [
    [denied, [403, 403]],
    [allowed, [200, 200]],
  ] as const) {
    const hub = await hubCaller(h.world, user.token)("PUT", path, { data: {} });
    const account = await user.call("PUT", path, { data: {} });
    expect([hub.status, account.status]).toEqual([...statuses]);
    if (hub.status === 403) {
      expect(hub.body.details).toEqual([{ action: "write", resource: "iot_twin" }]);
    }
  }
  expect((await h.call("GET", path)).body.version).toBe(2);
});
