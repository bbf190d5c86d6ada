import { expect, test } from "bun:test";
import { identifyDevice } from "../../src/hub/admission/identify-device.ts";
import { adoptCa, issuerKeyId, keyId, type Made, make, makeCa, shown } from "../support/world/device-certificates.ts";
import { openTwoAccounts } from "../support/world/two-accounts.ts";

// Any account may make a CA with the name and key identifier of another's CA: that must not hide the other one.

const KEY = "0123456789abcdef0123456789abcdef01234567";
const INVALID = "invalid device certificate";

async function openNamesakes() {
  const t = await openTwoAccounts();
  const ask = async (leaf: Made, clientId = "") => {
    const outcome = await identifyDevice(t.world.deps, shown({ certificates: [leaf.der], clientId }));
    return "reason" in outcome ? outcome.event : outcome.device.id;
  };
  /** Hubs with a CA like this one, as an account would create them over REST. */
  const squat = (ca: Made, account: string, hub: string, count: number) =>
    t.world.seed((connection) => {
      for (let index = 0; index < count; index++) {
        connection.run(
          `INSERT INTO hubs (id, account_id, name, product_plan, enabled, disable_events, events_topic_prefix, auto_provisioning,
             ca_pem, ca_fingerprint, ca_subject, ca_key_id, ca_turn, created_at, updated_at)
           SELECT id || ?, ?, name, product_plan, 1, 0, 'e', 0, ?, id || ?, ca_subject, ca_key_id, ca_turn + ?, 1, 1
           FROM hubs WHERE id = ?`,
          `-${account}-${index}`,
          account,
          ca.pem,
          `-${account}-${index}`,
          index + 1,
          hub,
        );
      }
    });
  /** The victim's hub, younger than all others, with a device. */
  async function open(ca: Made) {
    const hub = (await t.call("POST", "/hubs", { name: "mine" })).body;
    await adoptCa({ ...t, hub }, ca);
    const { device } = (await t.call("POST", "/devices", { hub_id: hub.id, name: "meter" })).body;
    return { hub, device };
  }
  return { ...t, ask, squat, open, [Symbol.asyncDispose]: () => t[Symbol.asyncDispose]() };
}

for (const [what, identifiers, named] of [
  ["name", [], []],
  ["name and key identifier", [keyId(KEY)], [issuerKeyId(KEY)]],
] as const) {
  test(`sixteen older hubs with a CA of the same ${what} do not keep a device out`, async () => {
    await using n = await openNamesakes();
    for (let index = 0; index < 4; index++) {
      const impostor = await makeCa("Acme", { extensions: [...identifiers] });
      const stranger = await n.stranger(impostor);
      for (let more = 0; more < 3; more++) {
        const hub = (await stranger.call("POST", "/hubs", { name: "more" })).body;
        await adoptCa({ ...stranger, hub }, await makeCa("Acme", { extensions: [...identifiers] }));
      }
    }
    const ca = await makeCa("Acme", { extensions: [...identifiers] });
    const { device } = await n.open(ca);
    const leaf = await make({ name: "meter", by: ca, extensions: [...named] });
    expect(await n.ask(leaf)).toBe(device.id);
    // Certificates of a CA that no hub has are still refused.
    expect(await n.ask(await make({ name: "meter", by: await makeCa("Acme"), extensions: [...named] }))).toBe(INVALID);
  });
}

test("an account that uses a name a thousand times precedes another account only once", async () => {
  await using n = await openNamesakes();
  const impostor = await makeCa("Acme", { extensions: [keyId(KEY)] });
  const stranger = await n.stranger(impostor);
  n.squat(impostor, stranger.caller.account, stranger.hub.id, 998);
  const ca = await makeCa("Acme", { extensions: [keyId(KEY)] });
  const { device, hub } = await n.open(ca);
  expect(await n.ask(await make({ name: "meter", by: ca, extensions: [issuerKeyId(KEY)] }))).toBe(device.id);
  expect(await n.ask(await make({ name: "meter", by: ca }))).toBe(device.id);
  expect(n.world.query("SELECT ca_turn FROM hubs WHERE id = ?", hub.id)).toEqual([{ ca_turn: 0 }]);
  // Deleting its first ones does not help either: a new one queues behind those that it still has.
  const again = (await stranger.call("POST", "/hubs", { name: "again" })).body;
  await adoptCa({ ...stranger, hub: again }, await makeCa("Acme"));
  expect(n.world.query("SELECT ca_turn FROM hubs WHERE id = ?", again.id)).toEqual([{ ca_turn: 999 }]);
});

test("a rare key identifier finds its CAs among any number of namesakes", async () => {
  await using n = await openNamesakes();
  const impostor = await makeCa("Acme", { extensions: [keyId("ff".repeat(20))] });
  const stranger = await n.stranger(impostor);
  // As if each had its own account.
  n.squat(impostor, stranger.caller.account, stranger.hub.id, 998);
  n.world.seed((connection) => connection.run("UPDATE hubs SET ca_turn = 0"));
  const ca = await makeCa("Acme", { extensions: [keyId(KEY)] });
  const { device } = await n.open(ca);
  expect(await n.ask(await make({ name: "meter", by: ca, extensions: [issuerKeyId(KEY)] }))).toBe(device.id);
  // A certificate without a key identifier, from an unnamed device, is one of a thousand. A named device is found, then
  // and later.
  const plain = await make({ name: "meter", by: ca });
  expect(await n.ask(plain)).toBe(INVALID);
  expect([await n.ask(plain, device.id), await n.ask(plain)]).toEqual([device.id, device.id]);
});

test("a CA without a key identifier is found by certificates that name one", async () => {
  await using n = await openNamesakes();
  const impostor = await makeCa("Acme", { extensions: [keyId(KEY)] });
  const stranger = await n.stranger(impostor);
  n.squat(impostor, stranger.caller.account, stranger.hub.id, 500);
  const ca = await makeCa("Acme");
  const { device } = await n.open(ca);
  expect(await n.ask(await make({ name: "meter", by: ca, extensions: [issuerKeyId(KEY)] }))).toBe(device.id);
});
