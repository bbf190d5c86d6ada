import { expect, test } from "bun:test";
import { createClient, Errors } from "@scaleway/sdk-client";
import { Iotv1 } from "@scaleway/sdk-iot";
import { systemRandom } from "../../src/kernel/random.ts";
import { temporaryFolder } from "../support/process/server-process.ts";
import { openWorld, type World } from "../support/world/world.ts";

/** The vendor's SDK, pointed at a world's own socket. */
function sdk(world: World, { account, token }: { account: string; token: string }, apiURL = world.listen()) {
  const client = createClient({
    apiURL,
    accessKey: "SCWXXXXXXXXXXXXXXXXX",
    secretKey: token,
    defaultProjectId: account,
    defaultRegion: "fr-par",
  });
  return new Iotv1.API(client);
}

async function openSdk(settings: Record<string, string> = {}) {
  const world = await openWorld(settings);
  const caller = await world.createAccount();
  const url = world.listen();
  return {
    world,
    caller,
    url,
    iot: sdk(world, caller, url),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

/** A call's refusal: the SDK's own class and what it has of the response. */
async function refusal<Class>(call: Promise<unknown>, kind: new (...args: never[]) => Class): Promise<Class> {
  const error = await call.then(
    (answer) => new Error(`it was answered ${JSON.stringify(answer)}`),
    (error) => error,
  );
  expect(error).toBeInstanceOf(kind as never);
  return error as Class;
}

test("the vendor's SDK calls every method of hubs", async () => {
  await using t = await openSdk();
  const { iot, caller } = t;
  const hub = await iot.createHub({ name: "my_first_hub", productPlan: "plan_dedicated" });
  expect(hub).toMatchObject({ name: "my_first_hub", status: "ready", enabled: true, productPlan: "plan_dedicated" });
  expect(hub).toMatchObject({ projectId: caller.account, organizationId: caller.account, region: "fr-par" });
  expect(hub.createdAt).toBeInstanceOf(Date);
  expect(await iot.waitForHub({ hubId: hub.id }, { minDelay: 1 })).toEqual(hub);
  expect(await iot.getHub({ hubId: hub.id })).toEqual(hub);
  const updated = await iot.updateHub({
    hubId: hub.id,
    name: "renamed",
    disableEvents: true,
    eventsTopicPrefix: "my/events",
    twinsGraphiteConfig: { pushUri: "https://user:token@graphite.example/metrics" },
  });
  expect(updated).toMatchObject({ name: "renamed", disableEvents: true, eventsTopicPrefix: "my/events" });
  expect(updated.twinsGraphiteConfig).toEqual({ pushUri: "https://user:token@graphite.example/metrics" });
  expect(await iot.disableHub({ hubId: hub.id })).toMatchObject({ status: "disabled", enabled: false });
  expect(await iot.updateHub({ hubId: hub.id, productPlan: "plan_ha" })).toMatchObject({ productPlan: "plan_ha" });
  expect(await iot.enableHub({ hubId: hub.id })).toMatchObject({ status: "ready", enabled: true });
  expect((await iot.getHubCA({ hubId: hub.id })).caCertPem).toStartWith("-----BEGIN CERTIFICATE-----");
  const { metrics } = await iot.getHubMetrics({ hubId: hub.id, startDate: new Date(t.world.clock.now() - 60_000) });
  expect(metrics.map(({ name, points }) => [name, points.length])).toEqual([
    ["messages_count", 60],
    ["active_devices", 60],
  ]);
  expect(metrics[0]?.points[0]?.timestamp).toBeInstanceOf(Date);

  // The SDK invents a name if none is given.
  const nameless = await iot.createHub({ productPlan: "plan_shared" });
  expect(nameless.name).toMatch(/^hub-/);
  expect((await iot.listHubs({})).totalCount).toBe(2);
  expect(await iot.listHubs({ name: "renamed" }).all()).toHaveLength(1);
  expect(await iot.deleteHub({ hubId: nameless.id })).toBeUndefined();
  await iot.createDevice({ hubId: hub.id, allowInsecure: true, allowMultipleConnections: false });
  expect(await iot.deleteHub({ hubId: hub.id, deleteDevices: true })).toBeUndefined();
  expect((await iot.listHubs()).hubs).toEqual([]);
});

test("the vendor's SDK sets a customer's own CA", async () => {
  using folder = temporaryFolder();
  await using t = await openSdk();
  t.world.clock.set(Date.now() + 60_000);
  const { id: hubId } = await t.iot.createHub({ name: "x", productPlan: "plan_shared" });
  await t.iot.disableHub({ hubId });
  const ssl = (...args: string[]) => Bun.spawnSync(["openssl", ...args], { cwd: folder.path, stdin: "ignore" });
  const key = ["-newkey", "rsa:2048", "-nodes", "-keyout"];
  ssl("req", "-x509", ...key, "ca.key", "-out", "ca.crt", "-subj", "/CN=Our CA");
  ssl("req", ...key, "c.key", "-out", "c.csr", "-subj", `/CN=${hubId}`);
  ssl("x509", "-req", "-in", "c.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "c.crt");
  const [caCertPem, challengeCertPem] = (await Promise.all(
    ["ca.crt", "c.crt"].map((name) => Bun.file(`${folder.path}/${name}`).text()),
  )) as [string, string];
  expect(await t.iot.setHubCA({ hubId, caCertPem, challengeCertPem })).toMatchObject({ hasCustomCa: true });
  const updated = await t.iot.updateHub({ hubId, enableDeviceAutoProvisioning: true });
  expect(updated.enableDeviceAutoProvisioning).toBe(true);
  const created = await t.iot.createDevice({ hubId, allowInsecure: false, allowMultipleConnections: false });
  expect(created.certificate).toBeUndefined();
});

test("the vendor's SDK calls every method of devices", async () => {
  await using t = await openSdk();
  const { iot } = t;
  const hub = await iot.createHub({ name: "hub", productPlan: "plan_shared" });
  const messageFilters = {
    publish: { policy: "accept" as const, topics: ["a/#"] },
    subscribe: { policy: "reject" as const, topics: [] },
  };
  const { device, certificate } = await iot.createDevice({
    hubId: hub.id,
    name: "panel",
    description: "at the door",
    allowInsecure: true,
    allowMultipleConnections: false,
    messageFilters,
  });
  expect(device).toMatchObject({ name: "panel", status: "enabled", messageFilters, isConnected: false });
  expect(device?.lastActivityAt).toEqual(new Date(0));
  expect(certificate?.key).toStartWith("-----BEGIN PRIVATE KEY-----");
  const deviceId = device?.id as string;
  expect(await iot.getDevice({ deviceId })).toEqual(device as Iotv1.Device);
  const changed = await iot.updateDevice({
    deviceId,
    description: "new",
    allowInsecure: false,
    allowMultipleConnections: true,
  });
  expect(changed).toMatchObject({ description: "new", allowInsecure: false, allowMultipleConnections: true });
  expect(await iot.disableDevice({ deviceId })).toMatchObject({ status: "disabled" });
  expect(await iot.enableDevice({ deviceId })).toMatchObject({ status: "enabled" });
  const renewed = await iot.renewDeviceCertificate({ deviceId });
  expect(renewed.certificate?.crt).not.toBe(certificate?.crt as string);
  const { certificatePem } = await iot.getDeviceCertificate({ deviceId });
  expect(certificatePem).toBe(renewed.certificate?.crt as string);
  const own = await iot.setDeviceCertificate({ deviceId, certificatePem: certificate?.crt as string });
  expect([own.device?.hasCustomCertificate, own.certificatePem]).toEqual([true, certificate?.crt as string]);
  const { metrics } = await iot.getDeviceMetrics({ deviceId });
  expect(metrics.map(({ name }) => name)).toEqual(["messages_count", "device_activity"]);
  const second = await iot.createHub({ name: "second", productPlan: "plan_shared" });
  expect(await iot.updateDevice({ deviceId, hubId: second.id })).toMatchObject({ hubId: second.id });
  expect(await iot.deleteDevice({ deviceId })).toBeUndefined();
  await refusal(iot.getDevice({ deviceId }), Errors.ResourceNotFoundError);
});

test("lists are complete over several pages", async () => {
  await using t = await openSdk();
  const { iot } = t;
  const hub = await iot.createHub({ name: "hub", productPlan: "plan_shared" });
  for (let i = 0; i < 7; i++) {
    await iot.createDevice({
      hubId: hub.id,
      name: `d${i}`,
      allowInsecure: i % 2 === 0,
      allowMultipleConnections: false,
    });
  }
  const names = (devices: Iotv1.Device[]) => devices.map(({ name }) => name).join(" ");
  expect(names(await iot.listDevices({ pageSize: 2 }).all())).toBe("d0 d1 d2 d3 d4 d5 d6");
  expect(names(await iot.listDevices({ pageSize: 3, orderBy: "name_desc" }).all())).toBe("d6 d5 d4 d3 d2 d1 d0");
  expect(names(await iot.listDevices({ allowInsecure: false, status: "enabled", pageSize: 1 }).all())).toBe("d1 d3 d5");
  const pages: number[] = [];
  for await (const page of iot.listDevices({ pageSize: 3, hubId: hub.id })) pages.push(page.length);
  expect(pages).toEqual([3, 3, 1]);
  const { totalCount, devices } = await iot.listDevices({ pageSize: 2, page: 2 });
  expect([totalCount, names(devices)]).toEqual([7, "d2 d3"]);
});

test("the tutorial's REST steps pass with the vendor's SDK", async () => {
  await using t = await openSdk();
  const { iot } = t;
  const hub = await iot.createHub({ name: "my_first_hub", productPlan: "plan_dedicated" });
  const twinId = (
    await iot.createDevice({ hubId: hub.id, name: "panel", allowInsecure: true, allowMultipleConnections: false })
  ).device?.id as string;
  const get = (documentName: string) => iot.getTwinDocument({ twinId, documentName });
  const put = (documentName: string, data: object, version?: number) =>
    iot.putTwinDocument({ twinId, documentName, data: data as never, ...(version !== undefined && { version }) });
  expect(await put("desired", { alarm_armed: true })).toEqual({
    twinId,
    documentName: "desired",
    version: 1,
    data: { alarm_armed: true },
  });
  const missing = await refusal(get("current"), Errors.ResourceNotFoundError);
  expect([missing.status, missing.resource, missing.resourceId]).toEqual([404, "twin_document", "current"]);
  const current = { last_update: "t0", alarm_armed: false, siren_ringing: false, door_open: true };
  await put("current", current);
  const patch = { last_update: "t1", door_open: false };
  const patched = await iot.patchTwinDocument({ twinId, documentName: "current", data: patch as never });
  expect([patched.version, patched.data as object]).toEqual([2, { ...current, ...patch }]);
  expect((await iot.listTwinDocuments({ twinId })).documents.map((d) => d.documentName)).toEqual([
    "current",
    "desired",
  ]);

  expect((await put("concurency", { test_value: "initial" })).version).toBe(1);
  expect((await put("concurency", { test_value: "first actor" }, 1)).version).toBe(2);
  const late = await refusal(put("concurency", { test_value: "second actor" }, 1), Errors.InvalidArgumentsError);
  expect(late.status).toBe(400);
  expect(late.details).toEqual([
    { argumentName: "version", reason: "constraint", helpMessage: "document version mismatch" },
  ]);
  expect(await get("concurency")).toMatchObject({ version: 2, data: { test_value: "first actor" } });
  expect((await put("concurency", { test_value: "another client" }, 0)).version).toBe(3);
  const nulls = iot.patchTwinDocument({ twinId, documentName: "concurency", data: { a: [1, null] } as never });
  expect((await refusal(nulls, Errors.InvalidArgumentsError)).details[0]?.argumentName).toBe("data");
  const empty = await refusal(iot.putTwinDocument({ twinId, documentName: "x" }), Errors.InvalidArgumentsError);
  expect(empty.details[0]).toMatchObject({ argumentName: "data", reason: "required" });

  expect(await iot.deleteTwinDocument({ twinId, documentName: "current" })).toBeUndefined();
  expect(await iot.deleteTwinDocuments({ twinId })).toBeUndefined();
  expect((await iot.listTwinDocuments({ twinId })).documents).toEqual([]);
});

test("each kind of refusal maps to the SDK's own class", async () => {
  await using t = await openSdk({ "documents-per-twin": "1" });
  const { iot, world, caller, url } = t;
  const device = { allowInsecure: false, allowMultipleConnections: false };
  const hub = await iot.createHub({ name: "hub", productPlan: "plan_shared" });
  const twinId = (await iot.createDevice({ hubId: hub.id, name: "panel", ...device })).device?.id as string;

  const stranger = sdk(world, { account: caller.account, token: systemRandom.uuid() }, url);
  const denied = await refusal(stranger.listHubs(), Errors.DeniedAuthenticationError);
  expect([denied.status, denied.method, denied.reason]).toEqual([401, "api_key", "not_found"]);
  const anonymous = new Iotv1.API(createClient({ apiURL: url, defaultRegion: "fr-par" }));
  expect((await refusal(anonymous.listHubs(), Errors.DeniedAuthenticationError)).reason).toBe("invalid_argument");

  const reader = await world.createUser(caller, { effect: "allow", actions: ["get_twin_document"] });
  const put = sdk(world, reader, url).putTwinDocument({ twinId, documentName: "d", data: {} });
  expect((await refusal(put, Errors.PermissionsDeniedError)).list).toEqual([{ action: "write", resource: "iot_twin" }]);

  const twice = await refusal(iot.createDevice({ hubId: hub.id, name: "panel", ...device }), Errors.AlreadyExistsError);
  expect([twice.status, twice.resource, twice.resourceId]).toEqual([409, "device", twinId]);
  const used = await refusal(iot.deleteHub({ hubId: hub.id }), Errors.PreconditionFailedError);
  expect([used.status, used.precondition]).toEqual([412, "resource_still_in_use"]);
  await iot.putTwinDocument({ twinId, documentName: "a", data: {} });
  const quota = await refusal(iot.putTwinDocument({ twinId, documentName: "b", data: {} }), Errors.QuotasExceededError);
  expect(quota.list).toMatchObject([{ resource: "iot_twin_documents", quota: 1, current: 1 }]);
  const absent = await refusal(iot.getHub({ hubId: world.deps.random.uuid() }), Errors.ResourceNotFoundError);
  expect([absent.status, absent.resource]).toEqual([404, "hub"]);

  // More large requests at once than one account may have in progress.
  const data = { filling: "x".repeat(1_000_000) } as never;
  const flood = await Promise.allSettled(
    Array.from({ length: 40 }, () => iot.putTwinDocument({ twinId, documentName: "a", data })),
  );
  const late = flood.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  expect(late.length).toBeGreaterThan(0);
  for (const error of late) expect(error).toBeInstanceOf(Errors.TooManyRequestsError);

  // Not built, and refused in a form that the SDK understands.
  for (const call of [iot.listRoutes(), iot.listNetworks()]) {
    const error = await refusal(call, Errors.ScalewayError);
    expect([error.status, error.rawMessage]).toEqual([404, "resource is not found"]);
  }
});
