import { expect, test } from "bun:test";
import { serveMutualTls } from "../../support/mqtt/mutual-tls.ts";
import { adoptCa, issued, make, makeCa } from "../../support/world/device-certificates.ts";
import { openTwoAccounts } from "../../support/world/two-accounts.ts";
import type { Json } from "../../support/world/world.ts";

// A certificate is not secret: an account that has seen it can attach it to a device of its own. Over real sockets, with
// handshakes that prove the key.

const NOT_AUTHORIZED = 0x87;

type Wire = Awaited<ReturnType<Awaited<ReturnType<typeof serveMutualTls>>["connect"]>>;

/** Puts a document of the connection's own device, whichever it is. */
async function put(wire: Wire, kwh: number): Promise<void> {
  expect(wire.code).toBe(0);
  await wire.publish("$SCW/twins/me/current/put", JSON.stringify({ data: { kwh } }), { qos: 1 });
}

type Caller = { call(method: string, path: string): Promise<{ body: Json }> };
const documentOf = async ({ call }: Caller, device: Json) =>
  (await call("GET", `/twins/${device.id}/documents/current`)).body.data;

test("a device that its CA vouches for stays in its hub, even if another account attaches its certificate", async () => {
  await using t = await openTwoAccounts();
  await using served = await serveMutualTls(t.world);
  const root = await makeCa("Acme meters");
  const plant = await makeCa("Acme plant", { by: root });
  await adoptCa(t, root);
  const { device: meter } = await t.createDevice("meter-17");
  const { device: other } = await t.createDevice("meter-18");
  const direct = await make({ name: "meter-17", by: root });
  const over = await make({ name: "meter-18", by: plant });

  const hostile = await t.stranger();
  const own = await hostile.device("trap");
  const refused = await t.attach(hostile, own, direct);
  expect([refused.status, refused.body]).toMatchObject([
    409,
    { type: "already_exists", help_message: "The CA of another hub vouches for this certificate." },
  ]);
  // The issuer of this one cannot be determined without the intermediate authority. It waits, and is never admitted.
  expect((await t.attach(hostile, own, over)).status).toBe(200);

  await put(await served.connect([direct], "meter-17"), 17);
  await put(await served.connect([over, plant], "meter-18"), 18);
  expect(await documentOf(t.caller, meter)).toEqual({ kwh: 17 });
  expect(await documentOf(t.caller, other)).toEqual({ kwh: 18 });
  expect(await documentOf(hostile.caller, own)).toBeUndefined();
  // Nor does it receive anything when the device names the hostile device.
  await put(await served.connect([over, plant], own.id), 19);
  expect(await documentOf(t.caller, other)).toEqual({ kwh: 19 });
});

test("a device whose certificate a stranger attached first connects to neither until it names its own, which then gets the certificate", async () => {
  await using t = await openTwoAccounts();
  await using served = await serveMutualTls(t.world);
  const { device } = await t.createDevice("meter-17");
  const certificate = await make({ name: "meter-17" });
  const hostile = await t.stranger();
  const trap = await hostile.device("trap");
  const { device: ear } = await t.createDevice("ear");
  const hostileEar = await hostile.device("ear");
  const listen = async (by: typeof hostile | typeof t.victim, to: Json) => {
    const renewed = await by.call("POST", `/devices/${to.id}/renew-certificate`);
    const wire = await served.connect([await issued(renewed.body.certificate)], "");
    await wire.subscribe("#");
    await wire.subscribe("$SCW/events/#");
    return wire;
  };
  const [heard, hostileHeard] = [await listen(t.victim, ear), await listen(hostile, hostileEar)];

  expect((await t.attach(hostile, trap, certificate)).status).toBe(200);
  const early = await served.connect([certificate], "meter-17");
  expect(early.code).toBe(NOT_AUTHORIZED);
  expect((await t.attach(t.victim, device, certificate)).status).toBe(200);
  expect((await served.connect([certificate], "meter-17")).code).toBe(NOT_AUTHORIZED);

  const wire = await served.connect([certificate], device.id);
  await put(wire, 17);
  await wire.publish("telemetry/secret", "door code 1234");
  await heard.receive("telemetry/secret", "door code 1234");
  expect(await documentOf(t.caller, device)).toEqual({ kwh: 17 });
  expect(await documentOf(hostile.caller, trap)).toBeUndefined();
  // The loser gets an event in its own hub and a log line, and has received nothing else.
  const { payload } = await hostileHeard.receive(`$SCW/events/warn/device/${trap.id}`);
  expect(JSON.parse(payload.toString()).msg).toBe("device certificate belongs to another device");
  await hostileHeard.expectQuiet();
  expect(t.world.logged.filter(({ event }) => event === "device.certificate_ended")).toMatchObject([
    { level: "warn", device: trap.id, account: hostile.caller.account },
  ]);

  // It needs no name any more, and no other device can have its certificate.
  wire.end();
  expect((await served.connect([certificate], "meter-17")).code).toBe(0);
  expect((await t.attach(hostile, trap, certificate)).status).toBe(409);
  expect((await t.attach(hostile, hostileEar, certificate)).status).toBe(409);
});

test("the previous certificate works until the next one is proven, and then its connection ends", async () => {
  await using t = await openTwoAccounts();
  await using served = await serveMutualTls(t.world);
  const { device, certificate } = await t.createDevice("meter-17");
  const [old, next] = [await issued(certificate), await make({ name: "new" })];
  const first = await served.connect([old], "");
  await put(first, 1);
  const attached = await t.attach(t.victim, device, next);
  expect(attached).toMatchObject({ status: 200, body: { pending: true, certificate_pem: next.pem } });
  expect(attached.body.device.has_custom_certificate).toBe(true);
  await put(first, 2);
  first.end();
  await first.ended;
  const second = await served.connect([old], "");
  await put(second, 3);

  const proven = await served.connect([next], device.id);
  await put(proven, 4);
  await second.ended;
  expect((await served.connect([old], device.id)).code).toBe(NOT_AUTHORIZED);
  const read = (await t.call("GET", `/devices/${device.id}/certificate`)).body;
  expect([read.certificate_pem, read.pending]).toEqual([next.pem, undefined]);
});

test("unauthenticated connections that name a device cannot suppress the hub's events about authenticated devices", async () => {
  await using t = await openTwoAccounts();
  await using served = await serveMutualTls(t.world);
  const { device, certificate } = await t.createDevice("panel", {
    message_filters: { publish: { policy: "reject", topics: ["secret/#"] } },
  });
  const { certificate: watching } = await t.createDevice("watcher");
  const watcher = await served.connect([await issued(watching)], "");
  await watcher.subscribe("$SCW/events/#");
  const [panel, stranger] = [await served.connect([await issued(certificate)], ""), await make()];
  // The clock stands still, so the rate limit grants no new events.
  for (let count = 0; count < 60; count++) {
    expect((await served.connect([stranger], device.id)).code).toBe(NOT_AUTHORIZED);
  }
  for (let count = 0; count < 50; count++) {
    const { payload } = await watcher.receive("$SCW/events/error/device/unknown");
    expect(JSON.parse(payload.toString()).msg).toBe("invalid device certificate");
  }
  await panel.publish("secret/a", "x");
  const { payload } = await watcher.receive(`$SCW/events/error/device/${device.id}`);
  expect(JSON.parse(payload.toString()).msg).toBe("unauthorized topic secret/a");
  await watcher.expectQuiet();
});
