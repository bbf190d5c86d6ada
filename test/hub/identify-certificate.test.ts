import { expect, test } from "bun:test";
import type { JsonName } from "@peculiar/x509";
import fc from "fast-check";
import { identifyDevice } from "../../src/hub/admission/identify-device.ts";
import {
  adoptCa,
  derOfPem,
  type Made,
  make,
  makeCa,
  START,
  shown,
  x509,
} from "../support/world/device-certificates.ts";
import { openHub } from "../support/world/hub.ts";

type Hub = Awaited<ReturnType<typeof openHub>>;

const DAY = 86_400_000;
const { digitalSignature, keyCertSign, keyEncipherment } = x509.KeyUsageFlags;
const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;

const asks =
  (h: Hub) =>
  async (chain: (Made | Uint8Array)[], clientId = "") => {
    const certificates = chain.map((one) => ("der" in one ? one.der : one));
    const outcome = await identifyDevice(h.world.deps, shown({ certificates, clientId }));
    return "reason" in outcome ? outcome.event : outcome.device.id;
  };
const INVALID = "invalid device certificate";

test("a certificate identifies its device, between its dates, until it is replaced", async () => {
  await using h = await openHub();
  const ask = asks(h);
  const { device, certificate } = await h.createDevice("panel");
  const der = derOfPem(certificate.crt);
  const ca = derOfPem((await h.call("GET", `/hubs/${h.hub.id}/ca`)).body.ca_cert_pem);
  expect(await ask([der])).toBe(device.id);
  expect(await ask([der, ca])).toBe(device.id);
  expect(await ask([der, new Uint8Array(5)])).toBe(device.id);

  const set = (days: number) => h.world.clock.set(START + days * DAY);
  set(-2);
  expect(await ask([der])).toBe(INVALID);
  set(9.9 * 365.25);
  expect(await ask([der])).toBe(device.id);
  set(10.1 * 365.25);
  expect(await ask([der])).toBe(INVALID);
  set(0);

  const { certificate: renewed } = (await h.call("POST", `/devices/${device.id}/renew-certificate`)).body;
  expect(await ask([derOfPem(renewed.crt)])).toBe(device.id);
  // Our CA has signed both, and both have the name: the replaced one is still invalid, with or without the CA.
  expect([await ask([der]), await ask([der, ca])]).toEqual([INVALID, INVALID]);

  // The certificate of a deleted device does not identify the next device of that name.
  await h.call("DELETE", `/devices/${device.id}`);
  await h.createDevice("panel");
  expect([await ask([derOfPem(renewed.crt)]), await ask([derOfPem(renewed.crt), ca])]).toEqual([INVALID, INVALID]);
});

test("an invalid certificate, or another one with the same key and name, is refused", async () => {
  await using h = await openHub();
  const ask = asks(h);
  const { device } = await h.createDevice("panel");
  const own = await make({ name: "panel" });
  await h.call("PUT", `/devices/${device.id}/certificate`, { certificate_pem: own.pem });
  expect(await ask([own], device.id)).toBe(device.id);
  expect(await ask([own])).toBe(device.id);
  expect(await ask([await make({ name: "panel", keys: own.keys })])).toBe(INVALID);
  const flipped = own.der.slice();
  flipped[flipped.length - 1] = (flipped.at(-1) as number) ^ 1;
  for (const garbage of [
    new Uint8Array(),
    new Uint8Array([0x30]),
    own.der.slice(0, -1),
    flipped,
    new Uint8Array(100_000),
  ]) {
    expect(await ask([garbage])).toBe(INVALID);
  }
  // In second place it proves nothing: its key was not proven in the handshake.
  expect(await ask([await make(), own])).toBe(INVALID);
});

test("an attached certificate must be valid for TLS clients", async () => {
  await using h = await openHub();
  const ask = asks(h);
  const { device } = await h.createDevice("panel");
  const outcomes = [];
  for (const wish of [
    {},
    { ca: true },
    { purposes: [clientAuth] },
    { purposes: [serverAuth, clientAuth] },
    { purposes: ["2.5.29.37.0"] },
    { usages: digitalSignature },
    { purposes: [serverAuth] },
    { usages: keyEncipherment },
    { usages: keyCertSign, purposes: [clientAuth] },
    { extensions: [new x509.Extension("1.2.3.4", true, new Uint8Array([5, 0]))] },
  ]) {
    const own = await make({ name: "panel", ...wish });
    const put = await h.call("PUT", `/devices/${device.id}/certificate`, { certificate_pem: own.pem });
    outcomes.push([put.status, (await ask([own], device.id)) === device.id]);
  }
  const [good, bad] = [
    [200, true],
    [200, false],
  ];
  expect(outcomes).toEqual([good, good, good, good, good, good, bad, bad, bad, bad] as never);
});

test("in a hub with a customer's own CA, a certificate that the CA vouches for identifies the device by name", async () => {
  await using h = await openHub();
  const ask = asks(h);
  const ca = await makeCa();
  await adoptCa(h, ca);
  const { device } = await h.createDevice("panel");
  const leaf = await make({ name: "panel", by: ca, usages: digitalSignature, purposes: [clientAuth], ca: false });
  expect(await ask([leaf, ca])).toBe(device.id);
  expect(await ask([leaf])).toBe(device.id);
  expect(await ask([await make({ name: "panel", by: ca })])).toBe(device.id);
  expect(await ask([await make({ name: [{ O: ["Any"] }, { CN: ["panel"] }], by: ca }), ca])).toBe(device.id);
  expect(await ask([await make({ name: "other", by: ca }), ca])).toBe("could not identify device");
  expect(await ask([await make({ name: "Panel", by: ca }), ca])).toBe("could not identify device");

  await h.call("POST", `/devices/${device.id}/disable`);
  expect(await ask([leaf, ca])).toBe("device is not enabled");
  await h.call("POST", `/hubs/${h.hub.id}/disable`);
  expect(await ask([leaf, ca])).toBe("hub is not ready");
});

test("a certificate that the hub's CA did not sign, or not for this use, is refused", async () => {
  await using h = await openHub();
  const ask = asks(h);
  const ca = await makeCa();
  await adoptCa(h, ca);
  const { device } = await h.createDevice("panel");
  const impostor = await makeCa();
  const byImpostor = await make({ name: "panel", by: impostor });
  expect(impostor.certificate.subject).toBe(ca.certificate.subject);
  const flipped = (await make({ name: "panel", by: ca })).der;
  flipped[flipped.length - 2] = (flipped.at(-2) as number) ^ 1;
  const named = (subject: JsonName) => make({ name: subject, by: ca });

  const refused: [string, (Made | Uint8Array)[]][] = [
    ["wrong CA of the same name", [byImpostor, impostor]],
    ["the right CA beside it", [byImpostor, ca]],
    ["both CAs beside it", [byImpostor, impostor, ca]],
    ["alone", [byImpostor]],
    ["self-signed", [await make({ name: "panel" })]],
    ["self-signed in the CA's name", [await make({ name: "panel", issuer: ca.certificate.subjectName.toJSON() }), ca]],
    ["damaged signature", [flipped, ca]],
    ["the CA itself", [ca]],
    ["the CA twice", [ca, ca]],
    ["expired", [await make({ name: "panel", by: ca, to: START - 1000 }), ca]],
    ["not yet valid", [await make({ name: "panel", by: ca, from: START + 1000 }), ca]],
    ["for servers only", [await make({ name: "panel", by: ca, purposes: [serverAuth] }), ca]],
    ["not for signatures", [await make({ name: "panel", by: ca, usages: keyEncipherment }), ca]],
    [
      "a condition that we do not know",
      [
        await make({
          name: "panel",
          by: ca,
          extensions: [new x509.Extension("1.2.3.4", true, new Uint8Array([5, 0]))],
        }),
        ca,
      ],
    ],
    ["signed with SHA-1", [await make({ name: "panel", by: ca, hash: "SHA-1" }), ca]],
    ["two common names", [await named([{ CN: ["panel"] }, { CN: ["other"] }]), ca]],
    ["two in one part", [await named([{ CN: ["panel", "other"] }]), ca]],
  ];
  for (const [why, chain] of refused) expect([why, await ask(chain)]).toEqual([why, INVALID]);

  const empty = "certificate common name cannot be empty";
  expect(await ask([await named([{ O: ["panel"] }]), ca])).toBe(empty);
  expect(await ask([await named([{ CN: [""] }]), ca])).toBe(empty);
  // Names that contain the name, and parts of names smuggled in as text, are different names.
  const unknown = "could not identify device";
  for (const [subject, answer] of [
    ["panel,O=evil", INVALID],
    ["O=evil,CN=panel", INVALID],
    ["panel\0.evil", INVALID],
    ["x".repeat(256), INVALID],
    [" panel", unknown],
    ["panel ", unknown],
  ] as const) {
    expect([subject, await ask([await named([{ CN: [subject] }]), ca])]).toEqual([subject, answer]);
  }
  expect(await ask([await make({ name: "panel", by: ca }), ca])).toBe(device.id);
});

test("intermediate authorities are accepted if each was issued by the one above", async () => {
  await using h = await openHub();
  const ask = asks(h);
  const root = await makeCa("Root");
  await adoptCa(h, root);
  const { device } = await h.createDevice("panel");
  const region = await makeCa("Region", { by: root, usages: keyCertSign });
  const plant = await makeCa("Plant", { by: region, purposes: [clientAuth] });
  const leaf = await make({ name: "panel", by: plant, purposes: [clientAuth] });
  for (const chain of [
    [leaf, plant, region, root],
    [leaf, plant, region],
    [leaf, region, root, plant],
    [leaf, await make({ name: "Plant" }), plant, plant, region, root],
  ]) {
    expect(await ask(chain)).toBe(device.id);
  }
  expect(await ask([await make({ name: "panel", by: root }), plant, region, root])).toBe(device.id);

  const under = async (wish: object) => {
    const between = await make({ name: "Between", by: root, ca: true, ...wish });
    return ask([await make({ name: "panel", by: between }), between, root]);
  };
  expect(await under({})).toBe(device.id);
  expect(await under({ pathLength: 0 })).toBe(device.id);
  for (const wish of [
    { ca: false },
    { ca: undefined },
    { usages: digitalSignature },
    { purposes: [serverAuth] },
    { to: START - 1000 },
    { from: START + 1000 },
    { by: await makeCa("Root") },
    { hash: "SHA-1" },
  ]) {
    expect([wish, await under(wish)]).toEqual([wish, INVALID]);
  }
  // A device is not an authority, even if the CA signed its certificate.
  const evil = await make({ name: "other", by: root });
  expect(await ask([await make({ name: "panel", by: evil }), evil, root])).toBe(INVALID);
  expect(await ask([leaf, region, root])).toBe(INVALID);
  expect(await ask([leaf, plant, root])).toBe(INVALID);

  const narrow = await makeCa("Narrow", { by: root, pathLength: 0 });
  const below = await makeCa("Below", { by: narrow });
  expect(await ask([await make({ name: "panel", by: below }), below, narrow, root])).toBe(INVALID);
  // A cycle of authorities ends.
  const circle = await makeCa("Circle");
  expect(await ask([await make({ name: "panel", by: circle }), circle, circle, circle])).toBe(INVALID);
});

test("a CA vouches in its own hub only, and while it is valid", async () => {
  await using h = await openHub();
  const ask = asks(h);
  const [first, second] = [await makeCa("Same name"), await makeCa("Same name", { to: START + 10 * DAY })];
  const other = (await h.call("POST", "/hubs", { name: "other" })).body;
  await adoptCa(h, first);
  await adoptCa(h, second, other.id);
  const { device: here } = await h.createDevice("panel");
  const { device: there } = (await h.call("POST", "/devices", { hub_id: other.id, name: "panel" })).body;
  const [ofFirst, ofSecond] = [await make({ name: "panel", by: first }), await make({ name: "panel", by: second })];
  expect(await ask([ofFirst, first])).toBe(here.id);
  expect(await ask([ofSecond, second])).toBe(there.id);
  // Also without the CA: for CAs of the same name the signature decides.
  expect([await ask([ofFirst]), await ask([ofSecond])]).toEqual([here.id, there.id]);
  expect(await ask([ofFirst, second])).toBe(INVALID);
  expect(await ask([ofFirst, second, first])).toBe(here.id);

  h.world.clock.set(START + 11 * DAY);
  expect(await ask([ofSecond, second])).toBe(INVALID);
  expect(await ask([ofFirst, first])).toBe(here.id);
  // Under another CA the old certificate identifies no device.
  h.world.clock.set(START);
  await adoptCa(h, await makeCa("Next"));
  expect(await ask([ofFirst, first])).toBe(INVALID);
});

test("a device with an attached certificate accepts no other one, even if the CA vouches for it", async () => {
  await using h = await openHub();
  const ask = asks(h);
  const ca = await makeCa();
  await adoptCa(h, ca);
  const { device } = await h.createDevice("panel");
  const [old, attached] = [await make({ name: "panel", by: ca }), await make({ name: "whatever" })];
  expect(await ask([old, ca])).toBe(device.id);
  await h.call("PUT", `/devices/${device.id}/certificate`, { certificate_pem: attached.pem });
  expect([await ask([attached]), await ask([old, ca])]).toEqual([INVALID, device.id]);
  expect(await ask([attached], device.id)).toBe(device.id);
  expect([await ask([attached]), await ask([old, ca])]).toEqual([device.id, INVALID]);
  // The certificate moves to another hub with the device; the CA does not.
  const other = (await h.call("POST", "/hubs", { name: "other" })).body;
  await h.call("PATCH", `/devices/${device.id}`, { hub_id: other.id });
  const outcome = await identifyDevice(h.world.deps, shown({ certificates: [attached.der] }));
  expect(outcome).toMatchObject({ device: { id: device.id }, hub: { id: other.id } });
  expect(await ask([old, ca])).toBe("could not identify device");
});

test("certificates of other kinds of keys work as well", async () => {
  await using h = await openHub();
  const ask = asks(h);
  const rsa = {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  };
  const ca = await makeCa("RSA", { algorithm: rsa });
  await adoptCa(h, ca);
  const { device } = await h.createDevice("panel");
  for (const algorithm of [rsa, { name: "ECDSA", namedCurve: "P-384" }, { name: "Ed25519" }]) {
    expect(await ask([await make({ name: "panel", by: ca, algorithm }), ca])).toBe(device.id);
  }
  const bright = await makeCa("Ed25519", { algorithm: { name: "Ed25519" } });
  const other = (await h.call("POST", "/hubs", { name: "other" })).body;
  await adoptCa(h, bright, other.id);
  const { device: there } = (await h.call("POST", "/devices", { hub_id: other.id, name: "panel" })).body;
  expect(await ask([await make({ name: "panel", by: bright })])).toBe(there.id);
});

test("a damaged certificate identifies no device and causes no error", async () => {
  await using h = await openHub();
  const ask = asks(h);
  const ca = await makeCa();
  await adoptCa(h, ca);
  const { device } = await h.createDevice("panel");
  const leaf = await make({ name: "panel", by: ca, usages: digitalSignature, purposes: [clientAuth], ca: false });
  const damage = fc.record({
    at: fc.nat(leaf.der.length - 1),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
    cut: fc.option(fc.nat(leaf.der.length), { freq: 5 }),
    ofCa: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ at, bytes, cut, ofCa }) => {
      const whole = ofCa ? ca.der : leaf.der;
      const damaged = whole.slice(0, cut ?? whole.length);
      damaged.set(bytes.subarray(0, Math.max(0, damaged.length - at)), Math.min(at, damaged.length));
      fc.pre(!Buffer.from(damaged).equals(Buffer.from(whole)));
      // A damaged CA is ignored, and the issuer's name still leads to the hub's own CA; a damaged leaf identifies no
      // device.
      expect(await ask(ofCa ? [leaf, damaged] : [damaged, ca])).toBe(ofCa ? device.id : INVALID);
    }),
    { numRuns: 300 },
  );
});
