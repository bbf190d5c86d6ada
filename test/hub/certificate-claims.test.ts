import { expect, test } from "bun:test";
import { SignJWT } from "jose";
import { identifyDevice } from "../../src/hub/admission/identify-device.ts";
import { adoptCa, bytes, type Made, make, makeCa, START, shown, x509 } from "../support/world/device-certificates.ts";
import { openTwoAccounts } from "../support/world/two-accounts.ts";
import type { Json } from "../support/world/world.ts";

// An attached certificate counts once a connection that names the device has proven to have its key.

const INVALID = "invalid device certificate";

async function openClaims() {
  const t = await openTwoAccounts();
  const outcomeOf = async (credentials: Parameters<typeof shown>[0]) => {
    const outcome = await identifyDevice(t.world.deps, shown(credentials));
    return "reason" in outcome ? outcome.event : outcome.device.id;
  };
  const ask = ([leaf, ...others]: [Made, ...Made[]], names: { clientId?: string; userName?: string } = {}) =>
    outcomeOf({ certificates: [leaf.der, ...others.map(({ der }) => der)], ...names });
  /** With a password signed by the certificate's key. */
  const askByToken = async (leaf: Made, device: Json) => {
    const token = new SignJWT({ sub: device.id, aud: device.hub_id, iat: START / 1000 });
    const signed = await token.setProtectedHeader({ alg: "ES256" }).sign(leaf.keys.privateKey);
    return outcomeOf({ userName: device.id, password: bytes(signed) });
  };
  const read = async (by: { call: typeof t.call }, device: Json) => {
    const { status, body } = await by.call("GET", `/devices/${device.id}/certificate`);
    return status === 200 ? [body.certificate_pem, body.pending === true] : status;
  };
  const kinds = (device: Json) =>
    t.world
      .query(
        "SELECT kind FROM events WHERE twin_id = ? AND kind LIKE 'device.certificate%' ORDER BY sequence",
        device.id,
      )
      .map(({ kind }) => kind.slice("device.certificate_".length));
  return { ...t, ask, askByToken, read, kinds, [Symbol.asyncDispose]: () => t[Symbol.asyncDispose]() };
}

test("a pending certificate identifies no device until a connection names the device and has the key", async () => {
  await using c = await openClaims();
  const { device } = await c.createDevice("panel");
  for (const prove of [
    (leaf: Made) => c.ask([leaf], { clientId: device.id }),
    (leaf: Made) => c.ask([leaf], { userName: device.id }),
    (leaf: Made) => c.ask([leaf], { clientId: "mqttjs_1", userName: device.id.toUpperCase() }),
    (leaf: Made) => c.askByToken(leaf, device),
  ]) {
    const leaf = await make({ name: "panel" });
    expect(await c.attach(c, device, leaf)).toMatchObject({ status: 200, body: { pending: true } });
    expect([await c.ask([leaf]), await c.ask([leaf], { clientId: "panel" })]).toEqual([INVALID, INVALID]);
    expect(await c.read(c, device)).toEqual([leaf.pem, true]);
    expect(await prove(leaf)).toBe(device.id);
    expect(await c.read(c, device)).toEqual([leaf.pem, false]);
    expect([await c.ask([leaf]), await c.askByToken(leaf, device)]).toEqual([device.id, device.id]);
  }
  expect(c.kinds(device)).toEqual(["set", "proven", "set", "proven", "set", "proven", "set", "proven"]);
  // Naming another device proves nothing for this one, nor does a connection of a disabled device.
  const leaf = await make();
  const { device: other } = await c.createDevice("other", { allow_insecure: true });
  await c.attach(c, device, leaf);
  expect(await c.ask([leaf], { clientId: other.id, userName: device.id })).toBe(INVALID);
  await c.call("POST", `/devices/${device.id}/disable`);
  expect(await c.ask([leaf], { clientId: device.id })).toBe("device is not enabled");
  expect(await c.askByToken(leaf, device)).toBe("device is not enabled");
  expect(await c.read(c, device)).toEqual([leaf.pem, true]);
});

test("attaching the certificate that a device already has ends the pending one", async () => {
  await using c = await openClaims();
  const { device, certificate } = await c.createDevice("panel");
  await c.attach(c, device, await make());
  expect((await c.call("POST", `/devices/${device.id}/renew-certificate`)).status).toBe(412);
  const put = await c.call("PUT", `/devices/${device.id}/certificate`, { certificate_pem: certificate.crt });
  expect([put.status, put.body.pending, put.body.device.has_custom_certificate]).toEqual([200, undefined, true]);
  expect(await c.read(c, device)).toEqual([certificate.crt, false]);
});

test("several devices may wait for one certificate: the first to prove it gets it, the others stop waiting", async () => {
  await using c = await openClaims();
  const leaf = await make();
  const { device } = await c.createDevice("panel");
  const strangers = [await c.stranger(), await c.stranger(), await c.stranger()];
  const traps = [];
  for (const stranger of strangers) {
    const trap = await stranger.device("trap");
    expect((await c.attach(stranger, trap, leaf)).status).toBe(200);
    traps.push(trap);
  }
  expect((await c.attach(c, device, leaf)).status).toBe(200);
  // Even if two connections with the key come at once, only one device gets it.
  const [first, second] = [device, traps[0]];
  const outcomes = await Promise.all([first, second].map(({ id }) => c.ask([leaf], { clientId: id })));
  const winner = outcomes[0] === first.id ? first : second;
  expect(outcomes.filter((outcome) => outcome === INVALID || outcome === winner.id)).toHaveLength(2);
  expect(await c.ask([leaf])).toBe(winner.id);
  const losers = [device, ...traps].filter(({ id }) => id !== winner.id);
  expect(losers.map((loser) => c.kinds(loser).at(-1))).toEqual(["ended", "ended", "ended"]);
  expect(c.world.query("SELECT id FROM devices WHERE pending_certificate_pem IS NOT NULL")).toEqual([]);
  for (const { id } of losers) expect(await c.ask([leaf], { clientId: id })).toBe(winner.id);
});

test("within an account only one device has a certificate, proven or not", async () => {
  await using c = await openClaims();
  const leaf = await make();
  const [{ device }, { device: other }] = [await c.createDevice("panel"), await c.createDevice("other")];
  expect((await c.attach(c, device, leaf)).status).toBe(200);
  expect((await c.attach(c, device, leaf)).status).toBe(200);
  const refused = await c.attach(c, other, leaf);
  expect([refused.status, refused.body.help_message]).toEqual([409, "Another device has this certificate."]);
  await c.ask([leaf], { clientId: device.id });
  expect((await c.attach(c, other, leaf)).status).toBe(409);
  await c.call("DELETE", `/devices/${device.id}`);
  expect((await c.attach(c, other, leaf)).status).toBe(200);
});

test("a certificate signed by a hub's CA is refused in other hubs, and is proven at once for the device of that name in its hub", async () => {
  await using c = await openClaims();
  const ca = await makeCa();
  await adoptCa(c, ca);
  const [{ device }, { device: other }] = [await c.createDevice("panel"), await c.createDevice("other")];
  const [own, another] = [await make({ name: "panel", by: ca }), await make({ name: "panel", by: ca })];
  const second = (await c.call("POST", "/hubs", { name: "second" })).body;
  const { device: elsewhere } = (await c.call("POST", "/devices", { hub_id: second.id, name: "panel" })).body;
  const stranger = await c.stranger();
  for (const [by, to] of [
    [stranger, await stranger.device("panel")],
    [c, elsewhere],
  ] as const) {
    const refused = await c.attach(by, to, own);
    expect([refused.status, refused.body.help_message]).toEqual([
      409,
      "The CA of another hub vouches for this certificate.",
    ]);
  }
  expect((await c.attach(c, device, own)).body.pending).toBeUndefined();
  expect([await c.ask([own]), await c.ask([another])]).toEqual([device.id, INVALID]);
  // Under another device's name it has to be proven: otherwise the holder of one device could act as another.
  expect((await c.attach(c, other, another)).body.pending).toBe(true);
  expect(await c.ask([another])).toBe(INVALID);
  expect(await c.ask([another], { clientId: other.id })).toBe(other.id);
  expect(await c.ask([another])).toBe(other.id);
});

test("a certificate attached elsewhere takes precedence over the CA only if the connection names a device that has proven it", async () => {
  await using c = await openClaims();
  const ca = await makeCa();
  const [waiting, proven] = [await make({ name: "a", by: ca }), await make({ name: "b", by: ca })];
  const stranger = await c.stranger();
  const [first, second] = [await stranger.device("first"), await stranger.device("second")];
  await c.attach(stranger, first, waiting);
  await c.attach(stranger, second, proven);
  expect(await c.ask([proven], { clientId: second.id })).toBe(second.id);
  await adoptCa(c, ca);
  const [{ device: a }, { device: b }] = [await c.createDevice("a"), await c.createDevice("b")];
  for (const chain of [[waiting], [waiting, ca]] as [Made, ...Made[]][]) {
    expect([await c.ask(chain), await c.ask(chain, { clientId: first.id })]).toEqual([a.id, a.id]);
  }
  expect(await c.askByToken(waiting, first)).toBe("invalid device token");
  for (const chain of [[proven], [proven, ca]] as [Made, ...Made[]][]) {
    expect([await c.ask(chain), await c.ask(chain, { clientId: second.id })]).toEqual([b.id, second.id]);
  }
});

test("a stranger cannot act as a device by its names, with a certificate of their own or without one", async () => {
  await using c = await openClaims();
  const { device, certificate } = await c.createDevice("panel");
  const stranger = await c.stranger(await makeCa("Stranger"));
  await stranger.call("PATCH", `/hubs/${stranger.hub.id}`, { enable_device_auto_provisioning: true });
  const own = await stranger.device("panel");
  const leaf = await make({ name: device.id });
  expect((await c.attach(stranger, own, leaf)).status).toBe(200);
  expect(await c.ask([leaf], { clientId: device.id, userName: own.id })).toBe(INVALID);
  expect(await c.ask([leaf], { clientId: own.id })).toBe(own.id);
  expect(await c.ask([leaf], { clientId: device.id, userName: device.id })).toBe(own.id);
  expect(await c.askByToken(leaf, device)).toBe("invalid device token");
  // Another account's device is not found when attaching a certificate, moving or reading it.
  const put = await stranger.call("PUT", `/devices/${device.id}/certificate`, { certificate_pem: leaf.pem });
  expect(put.status).toBe(404);
  expect((await stranger.call("PATCH", `/devices/${device.id}`, { hub_id: stranger.hub.id })).status).toBe(404);
  expect((await stranger.call("PATCH", `/devices/${own.id}`, { hub_id: c.hub.id })).status).toBe(404);
  expect(await c.read(stranger, device)).toBe(404);
  expect(await c.read(c, device)).toEqual([certificate.crt, false]);
});

test("a certificate with an unreadable extension is refused like any other invalid text", async () => {
  await using c = await openClaims();
  const { device } = await c.createDevice("panel");
  await c.call("POST", `/hubs/${c.hub.id}/disable`);
  for (const type of ["2.5.29.14", "2.5.29.35", "2.5.29.19"]) {
    const extensions = [new x509.Extension(type, false, new Uint8Array([5, 0]))];
    const odd = await make({ name: "panel", extensions });
    expect((await c.attach(c, device, odd)).status).toBe(400);
    const challenge = await make({ name: c.hub.id, by: odd });
    const put = { ca_cert_pem: odd.pem, challenge_cert_pem: challenge.pem };
    expect((await c.call("POST", `/hubs/${c.hub.id}/ca`, put)).status).toBe(400);
  }
});

test("a CA cannot be taken by presenting it: its certificate, and challenges for other hubs, are public", async () => {
  await using c = await openClaims();
  const ca = await makeCa();
  const stranger = await c.stranger();
  await stranger.call("POST", `/hubs/${stranger.hub.id}/disable`);
  const take = async (challenge: Made) =>
    (
      await stranger.call("POST", `/hubs/${stranger.hub.id}/ca`, {
        ca_cert_pem: ca.pem,
        challenge_cert_pem: challenge.pem,
      })
    ).status;
  expect(await take(await make({ name: c.hub.id, by: ca }))).toBe(400);
  expect(await take(ca)).toBe(400);
  const impostor = await makeCa();
  expect(await take(await make({ name: stranger.hub.id, by: impostor }))).toBe(400);
  await adoptCa(c, ca);
});
