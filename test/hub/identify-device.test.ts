import { expect, test } from "bun:test";
import { identifyDevice } from "../../src/hub/admission/identify-device.ts";
import { bytes, derOfPem, make, shown } from "../support/world/device-certificates.ts";
import { openHub } from "../support/world/hub.ts";

const UNIDENTIFIED = { reason: "unidentified", event: "could not identify device", deviceId: null, hubId: null };

test("a device that allows insecure connections is found by its client identifier, or else by its user name", async () => {
  await using h = await openHub();
  const { device: a } = await h.createDevice("a", { allow_insecure: true });
  const { device: b } = await h.createDevice("b", { allow_insecure: true });
  const ask = (clientId: string, userName: string | null) =>
    identifyDevice(h.world.deps, shown({ clientId, userName, password: bytes("anything") }));
  const found = (id: string, by: string) => ({ device: { id }, hub: { id: h.hub.id }, by, secure: false });
  expect(await ask(a.id, null)).toMatchObject(found(a.id, "client_id"));
  expect(await ask("", a.id)).toMatchObject(found(a.id, "user_name"));
  expect(await ask("mqttjs_12345678", a.id)).toMatchObject(found(a.id, "user_name"));
  expect(await ask(a.id, b.id)).toMatchObject(found(a.id, "client_id"));
  expect(await ask(a.id.toUpperCase(), null)).toMatchObject(found(a.id, "client_id"));
  // A client identifier that looks like an id but belongs to no device does not prevent this.
  expect(await ask(h.world.deps.random.uuid(), b.id)).toMatchObject(found(b.id, "user_name"));

  for (const [clientId, userName] of [
    ["", null],
    ["a", "a"],
    [h.hub.id, h.caller.account],
    [h.world.deps.random.uuid(), h.world.deps.random.uuid()],
    [`${a.id} `, `{${a.id}}`],
    [`${a.id}\0`, null],
    ["\ud800", "x".repeat(65_535)],
  ] as const) {
    expect(await ask(clientId, userName)).toEqual(UNIDENTIFIED as never);
  }
});

test("a device that allows no insecure connections is refused without its certificate, regardless of its password", async () => {
  await using h = await openHub();
  const { device } = await h.createDevice("panel");
  const refused = { reason: "insecure", event: "mutual TLS authentication is required" };
  for (const password of [
    null,
    bytes(""),
    bytes("secret"),
    bytes("a.b"),
    new Uint8Array([0xff, 0xfe]),
    bytes(h.caller.token),
  ]) {
    const outcome = await identifyDevice(h.world.deps, shown({ clientId: device.id, password }));
    expect(outcome).toEqual({ ...refused, deviceId: device.id, hubId: h.hub.id } as never);
  }
});

test("a disabled or deleted hub or device accepts no connections", async () => {
  await using h = await openHub();
  const { device, certificate } = await h.createDevice("panel", { allow_insecure: true });
  const ways = [shown({ userName: device.id }), shown({ certificates: [derOfPem(certificate.crt)] })];
  const outcomes = async () => {
    const both = await Promise.all(ways.map((way) => identifyDevice(h.world.deps, way)));
    return both.map((outcome): unknown => ("reason" in outcome ? outcome : outcome.device.id));
  };
  const each = (refusal: object) => [refusal, { ...refusal, proved: true }];
  const about = { deviceId: device.id, hubId: h.hub.id };
  const notReady = { reason: "hub_not_ready", event: "hub is not ready", ...about };
  const disabled = { reason: "device_disabled", event: "device is not enabled", ...about };

  expect(await outcomes()).toEqual([device.id, device.id]);
  await h.call("POST", `/devices/${device.id}/disable`);
  expect(await outcomes()).toEqual(each(disabled));
  await h.call("POST", `/hubs/${h.hub.id}/disable`);
  expect(await outcomes()).toEqual(each(notReady));
  await h.call("POST", `/devices/${device.id}/enable`);
  expect(await outcomes()).toEqual(each(notReady));
  await h.call("POST", `/hubs/${h.hub.id}/enable`);
  expect(await outcomes()).toEqual([device.id, device.id]);

  // An interrupted deletion has left the rows.
  h.world.seed((connection) => connection.run("UPDATE hubs SET deleted_at = 1 WHERE id = ?", h.hub.id));
  h.world.clock.advance(1);
  await h.world.createAccount();
  expect(await outcomes()).toMatchObject([
    { reason: "hub_not_ready", event: "hub is deleted", ...about },
    { reason: "bad_certificate" },
  ]);
});

test("the certificate takes precedence over the names", async () => {
  await using h = await openHub();
  const { device: a, certificate } = await h.createDevice("a");
  const { device: b } = await h.createDevice("b", { allow_insecure: true });
  const certificates = [derOfPem(certificate.crt)];
  const outcome = await identifyDevice(h.world.deps, shown({ certificates, clientId: b.id, userName: b.id }));
  expect(outcome).toMatchObject({ device: { id: a.id }, by: "certificate", secure: true, provisioned: false });

  // An unknown certificate is refused, even if the connection names a device that allows insecure connections.
  const stranger = await make({ name: "b" });
  const refused = await identifyDevice(h.world.deps, shown({ certificates: [stranger.der], clientId: b.id }));
  const about = { deviceId: null, hubId: h.hub.id };
  expect(refused).toEqual({ reason: "bad_certificate", event: "invalid device certificate", ...about });
});
