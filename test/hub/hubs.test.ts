import { expect, test } from "bun:test";
import { HUB, hubCaller, openHub } from "../support/world/hub.ts";
import type { Json } from "../support/world/world.ts";

test("a new hub is ready at once, with every member that clients expect", async () => {
  await using h = await openHub({ "public-url": "https://twins.example:8443/base" });
  const created = await h.call("POST", "/hubs", { name: "second", project_id: h.caller.account });
  expect(created.headers.get("content-type")).toBe("application/json");
  expect([created.status, created.body]).toEqual([
    200,
    {
      id: expect.any(String),
      name: "second",
      status: "ready",
      product_plan: "plan_shared",
      enabled: true,
      device_count: 0,
      connected_device_count: 0,
      endpoint: "twins.example",
      disable_events: false,
      events_topic_prefix: "$SCW/events",
      region: "fr-par",
      created_at: "2026-01-01T00:00:00.000Z",
      updated_at: "2026-01-01T00:00:00.000Z",
      project_id: h.caller.account,
      organization_id: h.caller.account,
      enable_device_auto_provisioning: false,
      has_custom_ca: false,
    },
  ]);
  expect((await h.call("GET", `/hubs/${created.body.id}`)).body).toEqual(created.body);
});

test("zero values of enums and null count as absent, and unknown members are ignored", async () => {
  await using h = await openHub();
  h.world.clock.advance(1000);
  const body = { product_plan: "plan_unknown", name: null, disable_events: null, events_topic_prefix: null, x: {} };
  const patched = await h.call("PATCH", `/hubs/${h.hub.id}`, body);
  expect([patched.status, patched.body]).toEqual([200, { ...h.hub, updated_at: "2026-01-01T00:00:01.000Z" }]);
  const created = await h.call("POST", "/hubs", { name: "x", product_plan: "plan_unknown", project_id: null });
  expect([created.status, created.body.product_plan]).toEqual([200, "plan_shared"]);
});

test("a plan changes only while the hub is disabled, and auto-provisioning requires a customer's own CA", async () => {
  await using h = await openHub();
  const path = `/hubs/${h.hub.id}`;
  const precondition = { type: "precondition_failed", precondition: "unknown_precondition" };
  const plan = await h.call("PATCH", path, { product_plan: "plan_ha", name: "new" });
  expect([plan.status, plan.body]).toMatchObject([412, precondition]);
  expect((await h.call("GET", path)).body.name).toBe("my_first_hub");
  expect((await h.call("PATCH", path, { product_plan: "plan_dedicated" })).status).toBe(200);
  const disabled = (await h.call("POST", `${path}/disable`, {})).body;
  expect([disabled.status, disabled.enabled]).toEqual(["disabled", false]);
  expect((await h.call("PATCH", path, { product_plan: "plan_ha" })).body.product_plan).toBe("plan_ha");
  const auto = await h.call("PATCH", path, { enable_device_auto_provisioning: true });
  expect([auto.status, auto.body]).toMatchObject([412, precondition]);
  const enabled = (await h.call("POST", `${path}/enable`)).body;
  expect([enabled.status, enabled.enabled]).toEqual(["ready", true]);
});

test("documents of a disabled hub and of a disabled device are served as before", async () => {
  await using h = await openHub();
  const { device } = await h.createDevice("panel");
  await h.call("POST", `/hubs/${h.hub.id}/disable`);
  await h.call("POST", `/devices/${device.id}/disable`);
  expect((await h.call("PUT", `/twins/${device.id}/documents/d`, { data: {} })).status).toBe(200);
  expect((await h.call("GET", `/twins/${device.id}/documents/d`)).status).toBe(200);
});

test("the address for time series is returned, and is not readable in the database or the log", async () => {
  await using h = await openHub();
  const push_uri = "https://user:token-of-mine@graphite.example/metrics";
  const patched = await h.call("PATCH", `/hubs/${h.hub.id}`, { twins_graphite_config: { push_uri } });
  expect(patched.body.twins_graphite_config).toEqual({ push_uri });
  expect((await h.call("GET", "/hubs")).body.hubs[0].twins_graphite_config).toEqual({ push_uri });
  const stored = JSON.stringify([h.world.query("SELECT * FROM hubs"), h.world.query("SELECT * FROM events")]);
  expect(stored + JSON.stringify(h.world.logged)).not.toContain("token-of-mine");
  for (const uri of ["ftp://x/y", "x", ""]) {
    const refused = await h.call("PATCH", `/hubs/${h.hub.id}`, { twins_graphite_config: { push_uri: uri } });
    expect([uri, refused.status]).toEqual([uri, 400]);
  }
});

test("another account's project is refused on creation, and empty in lists", async () => {
  await using h = await openHub();
  const stranger = await h.world.createAccount("Stranger");
  const created = await h.call("POST", "/hubs", { name: "x", project_id: stranger.account });
  expect([created.status, created.body.type]).toEqual([403, "permissions_denied"]);
  const count = async (query: string) => (await h.call("GET", `/hubs?${query}`)).body.total_count;
  expect(await count(`project_id=${h.caller.account}&organization_id=${h.caller.account}`)).toBe(1);
  expect(await count(`project_id=${stranger.account}`)).toBe(0);
  expect(await count(`organization_id=${stranger.account}`)).toBe(0);
  expect(await count("name=my_first_hub")).toBe(1);
  expect(await count("name=my_first")).toBe(0);
});

test("missing and malformed arguments are named one by one", async () => {
  await using h = await openHub();
  const faults = async (method: string, path: string, body?: unknown) => {
    const answer = await h.call(method, path, body);
    expect([answer.status, answer.body.type, answer.body.message]).toEqual([
      400,
      "invalid_arguments",
      "invalid argument(s)",
    ]);
    return answer.body.details.map((d: Json) => [d.argument_name, d.reason]);
  };
  expect(await faults("POST", "/hubs", {})).toEqual([["name", "required"]]);
  expect(await faults("POST", "/hubs", { name: null })).toEqual([["name", "required"]]);
  expect(await faults("POST", "/hubs", { name: "x".repeat(256) })).toEqual([["name", "constraint"]]);
  expect(await faults("POST", "/hubs", { name: 1, product_plan: "gold" })).toEqual([
    ["name", "format"],
    ["product_plan", "format"],
  ]);
  expect(await faults("POST", "/hubs", { name: "x", events_topic_prefix: "a/#" })).toEqual([
    ["events_topic_prefix", "format"],
  ]);
  expect(await faults("POST", "/hubs", [])).toEqual([["body", "format"]]);
  expect(await faults("GET", "/hubs/x")).toEqual([["hub_id", "format"]]);
  expect(await faults("POST", "/devices", { name: "x" })).toEqual([["hub_id", "required"]]);
  const { device } = await h.createDevice("panel");
  const document = `/twins/${device.id}/documents/d`;
  expect(await faults("PUT", document, {})).toEqual([["data", "required"]]);
  expect(await faults("PATCH", document, { data: null, version: 1 })).toEqual([["data", "required"]]);
  expect(await faults("PUT", document, { data: [] })).toEqual([["data", "format"]]);
  expect(await faults("PUT", document, { data: {}, version: -1 })).toEqual([["version", "format"]]);
  expect(await faults("PUT", document, { data: {}, version: "x" })).toEqual([["version", "format"]]);
  expect(await faults("PUT", `/twins/${device.id}/documents/a%20b`, { data: {} })).toEqual([
    ["document_name", "format"],
  ]);
  expect(await faults("GET", "/twins/x")).toEqual([["twin_id", "format"]]);
  await h.call("PUT", document, { data: {} });
  expect(await faults("PATCH", document, { data: { a: [null] } })).toEqual([["data", "constraint"]]);
  expect(await faults("PATCH", document, { version: 2, data: { a: [null] } })).toEqual([["version", "constraint"]]);
  expect(await faults("PUT", document, { data: { a: "x".repeat(1024 * 1024) } })).toEqual([["data", "constraint"]]);
  expect(await faults("PUT", document, { data: { a: "x".repeat(4 * 1024 * 1024) } })).toEqual([["data", "constraint"]]);
  const deep = JSON.parse(`${'{"a":'.repeat(65)}1${"}".repeat(65)}`);
  expect(await faults("PUT", document, { data: deep })).toEqual([["data", "constraint"]]);
  expect(await faults("POST", "/hubs", { name: "x".repeat(300_000) })).toEqual([["body", "constraint"]]);

  for (const raw of ["{", "", "null", "[1]", '"x"', "{}x"]) {
    const headers = { "x-auth-token": h.caller.token };
    const answer = await h.world.call("PUT", HUB + document, { raw, headers });
    const place = raw === "" ? ["data", "required"] : ["body", "format"];
    expect([raw, ...answer.body.details.map((d: Json) => [d.argument_name, d.reason])]).toEqual([raw, place]);
  }
});

test("every kind of error has the members by which clients know it", async () => {
  await using h = await openHub();
  const absent = h.world.deps.random.uuid();
  const body = async (answer: ReturnType<typeof h.call>) => {
    const { status, body, headers } = await answer;
    expect(headers.get("content-type")).toBe("application/json");
    return [status, body];
  };
  const anonymous = (token?: string) =>
    h.world.call("GET", `${HUB}/hubs`, { headers: token === undefined ? {} : { "x-auth-token": token } });
  const denied = { type: "denied_authentication", message: "authentication is denied", method: "api_key" };
  expect(await body(anonymous())).toEqual([401, { ...denied, reason: "invalid_argument" }]);
  expect(await body(anonymous(h.caller.authorization))).toEqual([401, { ...denied, reason: "invalid_argument" }]);
  expect(await body(anonymous(absent))).toEqual([401, { ...denied, reason: "not_found" }]);
  const authorization = { headers: { authorization: h.caller.authorization } };
  expect((await h.world.call("GET", `${HUB}/hubs`, authorization)).status).toBe(401);
  expect((await anonymous(h.caller.token.toUpperCase())).status).toBe(200);

  const notFound = { type: "not_found", message: "resource is not found" };
  expect(await body(h.call("GET", `/hubs/${absent}`))).toEqual([
    404,
    { ...notFound, resource: "hub", resource_id: absent },
  ]);
  expect(await body(h.call("GET", `/devices/${absent}`))).toEqual([
    404,
    { ...notFound, resource: "device", resource_id: absent },
  ]);
  expect(await body(h.call("GET", `/twins/${absent}`))).toEqual([
    404,
    { ...notFound, resource: "twin", resource_id: absent },
  ]);
  const { device } = await h.createDevice("panel");
  expect(await body(h.call("GET", `/twins/${device.id}/documents/current`))).toEqual([
    404,
    { ...notFound, resource: "twin_document", resource_id: "current" },
  ]);
  const plain = (await h.caller.call("POST", "/twins")).body.creation_certificate.uuid;
  expect((await h.call("PUT", `/twins/${plain}/documents/d`, { data: {} })).body).toEqual({
    ...notFound,
    resource: "twin",
    resource_id: plain,
  });
  const reader = await h.world.createUser(h.caller, { effect: "allow", actions: ["get_hub"] });
  const call = hubCaller(h.world, reader.token);
  const forbidden = { type: "permissions_denied", message: "insufficient permissions" };
  expect(await body(call("GET", "/hubs"))).toEqual([
    403,
    { ...forbidden, details: [{ action: "read", resource: "iot_hub" }] },
  ]);
  expect(await body(call("PATCH", `/devices/${device.id}`, {}))).toEqual([
    403,
    { ...forbidden, details: [{ action: "write", resource: "iot_device" }] },
  ]);
  const region = await h.world.call("GET", "/iot/v1/regions/nl-ams/hubs", {
    headers: { "x-auth-token": h.caller.token },
  });
  expect([region.status, region.body.details[0].argument_name]).toEqual([400, "region"]);
});

test("routes, networks, other methods and unknown paths are not found, in the hub API's format", async () => {
  await using h = await openHub();
  const absent = h.world.deps.random.uuid();
  for (const [method, path] of [
    ["GET", "/routes"],
    ["POST", "/routes"],
    ["GET", `/routes/${absent}`],
    ["GET", "/networks"],
    ["DELETE", `/networks/${absent}`],
    ["PUT", "/hubs"],
    ["GET", `/twins/${absent}/documents`],
    ["GET", ""],
  ] as const) {
    const answer = await h.call(method, path, method === "POST" ? {} : undefined);
    expect([path, answer.status, answer.body]).toEqual([path, 404, { message: "resource is not found" }]);
    expect(answer.headers.get("content-type")).toBe("application/json");
  }
});

test("quota errors name their resource", async () => {
  await using h = await openHub({ "documents-per-twin": "2" });
  const { device } = await h.createDevice("panel");
  for (const name of ["a", "b"]) await h.call("PUT", `/twins/${device.id}/documents/${name}`, { data: {} });
  const refused = await h.call("PUT", `/twins/${device.id}/documents/c`, { data: {} });
  expect([refused.status, refused.body]).toEqual([
    403,
    {
      type: "quotas_exceeded",
      message: "quota exceeded",
      details: [{ resource: "iot_twin_documents", quota: 2, current: 2 }],
    },
  ]);
});
