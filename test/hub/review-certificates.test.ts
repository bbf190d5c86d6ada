import { expect, test } from "bun:test";
import { identifyDevice } from "../../src/hub/admission/identify-device.ts";
import { reviewCertificates } from "../../src/hub/certificates/review-certificates.ts";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { serveMutualTls } from "../support/mqtt/mutual-tls.ts";
import { expectConsistent } from "../support/store/breakages.ts";
import { olderDatabase } from "../support/store/older-database.ts";
import {
  adoptCa,
  issuerKeyId,
  keyId,
  type Made,
  make,
  makeCa,
  START,
  shown,
} from "../support/world/device-certificates.ts";
import { hubCaller } from "../support/world/hub.ts";
import { openTwoAccounts } from "../support/world/two-accounts.ts";
import { type Json, openWorld } from "../support/world/world.ts";

// A database of the first release has certificates that were attached without proof.

const KEY = "0123456789abcdef0123456789abcdef01234567";
const INVALID = "invalid device certificate";

type Attached = { device: Json; certificate: Made; insecure?: boolean; setAt?: number; heardAt?: number };

/** Devices with these certificates, as the first release left them, opened by the current server. */
async function openUpgraded(t: Awaited<ReturnType<typeof openTwoAccounts>>, attached: Attached[]) {
  const folder = await olderDatabase(t.world.dataDir);
  const connection = new Connection(`${folder.path}/twinpost.db`);
  for (const { device, certificate, insecure = false, setAt, heardAt } of attached) {
    connection.run(
      `UPDATE devices SET certificate_pem = ?, certificate_fingerprint = ?, has_custom_certificate = 1, allow_insecure = ? WHERE id = ?`,
      certificate.pem,
      Bun.SHA256.hash(certificate.der, "hex"),
      Number(insecure),
      device.id,
    );
    if (setAt !== undefined) {
      connection.run(
        `INSERT INTO events (occurred_at, account_id, twin_id, kind, actor_kind, data)
         SELECT ?, account_id, id, 'device.certificate_set', 'user', json_object('hub', hub_id) FROM devices WHERE id = ?`,
        START + setAt,
        device.id,
      );
    }
    if (heardAt !== undefined) connection.run("INSERT INTO device_activity VALUES (?, ?)", device.id, START + heardAt);
  }
  connection.close();
  const world = await openWorld({}, undefined, folder);
  world.clock.set(START + 1000);
  const ask = async (leaf: Made, clientId = "") => {
    const outcome = await identifyDevice(world.deps, shown({ certificates: [leaf.der], clientId }));
    return "reason" in outcome ? outcome.event : outcome.device.id;
  };
  const logged = () =>
    world.logged
      .filter(({ event }) => event.startsWith("upgrade.device_certificate"))
      .map(({ level, event, device }) => [level, event.slice("upgrade.device_certificate_".length), device]);
  return { world, ask, logged, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

test("a certificate of the first release that contradicts a CA ends when the database is opened, and is logged", async () => {
  await using t = await openTwoAccounts();
  const ca = await makeCa("Acme", { extensions: [keyId(KEY)] });
  await adoptCa(t, ca);
  const { device: meter } = await t.createDevice("meter-17");
  const { device: pinned } = await t.createDevice("meter-18");
  const [stolen, own] = [
    await make({ name: "meter-17", by: ca, extensions: [issuerKeyId(KEY)] }),
    await make({ name: "meter-18", by: ca, extensions: [issuerKeyId(KEY)] }),
  ];
  const hostile = await t.stranger();
  const trap = await hostile.device("trap");
  await using upgraded = await openUpgraded(t, [
    // It has already received the victim's connections.
    { device: trap, certificate: stolen, setAt: 10, heardAt: 20 },
    { device: pinned, certificate: own, setAt: 10 },
  ]);
  const { world, ask } = upgraded;
  {
    await using served = await serveMutualTls(world);
    expect((await served.connect([stolen], "meter-17")).code).toBe(0);
    expect((await served.connect([own], "meter-18")).code).toBe(0);
  }
  expect([await ask(stolen), await ask(own)]).toEqual([meter.id, pinned.id]);
  expect(upgraded.logged()).toEqual([["warn", "ended", trap.id]]);
  const call = hubCaller(world, hostile.caller.token);
  expect((await call("GET", `/devices/${trap.id}/certificate`)).status).toBe(404);
  expect(world.query("SELECT kind FROM events WHERE twin_id = ? ORDER BY sequence DESC LIMIT 1", trap.id)).toEqual([
    { kind: "device.certificate_ended" },
  ]);
  const put = await call("PUT", `/devices/${trap.id}/certificate`, { certificate_pem: stolen.pem });
  expect(put.status).toBe(409);
  // A certificate of the hub's own CA, with the device's name, counts as proven.
  expect(world.query("SELECT certificate_proven FROM devices WHERE id = ?", pinned.id)).toEqual([
    { certificate_proven: 1 },
  ]);
  expect(world.query("SELECT length(ca_key_id) AS length FROM hubs WHERE id = ?", t.hub.id)).toEqual([{ length: 64 }]);
  expectConsistent(world.dataDir);
});

test("a used certificate stays until another device proves it; an unused one, or of an insecure device, has to be proven", async () => {
  await using t = await openTwoAccounts();
  const names = ["used", "named", "new", "before", "insecure"] as const;
  const devices = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await t.createDevice(name)).device])),
  );
  const leaves = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await make({ name })])));
  const one = (name: (typeof names)[number], rest: object) => {
    return { device: devices[name], certificate: leaves[name] as Made, ...rest };
  };
  const rival = await t.stranger();
  const rivals = await rival.device("rival");
  await using upgraded = await openUpgraded(t, [
    one("used", { setAt: 10, heardAt: 20 }),
    // The journal no longer has the row that attached it.
    one("named", { heardAt: 20 }),
    one("new", { setAt: 10 }),
    one("insecure", { setAt: 10, heardAt: 20, insecure: true }),
    one("before", { setAt: 20, heardAt: 10 }),
  ]);
  const { world, ask } = upgraded;
  await reviewCertificates(world.deps);
  const id = (name: string) => devices[name].id;
  expect(upgraded.logged().sort()).toEqual(
    [
      ["info", "unproven", id("used")],
      ["info", "unproven", id("named")],
      ["warn", "pending", id("new")],
      ["warn", "pending", id("before")],
      ["warn", "pending", id("insecure")],
    ].sort(),
  );
  const plainly = await Promise.all(names.map((name) => ask(leaves[name] as Made)));
  expect(plainly).toEqual([id("used"), id("named"), INVALID, INVALID, INVALID]);
  for (const name of ["named", "new", "before", "insecure"]) {
    expect([await ask(leaves[name] as Made, id(name)), await ask(leaves[name] as Made)]).toEqual([id(name), id(name)]);
  }
  // The holder of the key takes an unproven certificate by proving it, but not a proven one.
  const call = hubCaller(world, rival.caller.token);
  const attach = (name: string) =>
    call("PUT", `/devices/${rivals.id}/certificate`, { certificate_pem: (leaves[name] as Made).pem });
  expect((await attach("named")).status).toBe(409);
  expect((await attach("used")).body).toMatchObject({ pending: true });
  expect(await ask(leaves["used"] as Made)).toBe(id("used"));
  expect(await ask(leaves["used"] as Made, rivals.id)).toBe(rivals.id);
  expect([await ask(leaves["used"] as Made), await ask(leaves["used"] as Made, id("used"))]).toEqual([
    rivals.id,
    rivals.id,
  ]);
  // The review happens once.
  const before = upgraded.logged().length;
  await reviewCertificates(world.deps);
  expect(upgraded.logged().length).toBe(before);
  expectConsistent(world.dataDir);
});

test("any number of certificates is reviewed, valid or not, and CAs of the first release get their turns", async () => {
  await using t = await openTwoAccounts();
  const stranger = await t.stranger(await makeCa("Acme"));
  for (let more = 0; more < 2; more++) {
    const hub = (await stranger.call("POST", "/hubs", { name: "more" })).body;
    await adoptCa({ ...stranger, hub }, await makeCa("Acme"));
  }
  await adoptCa(t, await makeCa("Acme"));
  t.world.seed((connection) => {
    for (let index = 0; index < 450; index++) {
      const id = t.world.deps.random.uuid();
      const { account } = t.caller;
      connection.run(
        "INSERT INTO twins (id, owner_id, creator_id, created_at, updated_at) VALUES (?, ?, ?, 1, 1)",
        id,
        account,
        account,
      );
      connection.run(
        `INSERT INTO devices (id, account_id, hub_id, name, description, enabled, allow_insecure, allow_multiple_connections,
           message_filters, has_custom_certificate, is_connected, created_at, updated_at, certificate_pem, certificate_fingerprint)
         VALUES (?, ?, ?, ?, '', 1, 0, 0, '{}', 1, 0, 1, 1, 'no certificate', ?)`,
        id,
        account,
        t.hub.id,
        `device ${index}`,
        `fingerprint ${index}`,
      );
    }
  });
  await using upgraded = await openUpgraded(t, []);
  await reviewCertificates(upgraded.world.deps);
  expect(upgraded.logged().filter(([, what]) => what === "pending").length).toBe(450);
  expect(
    upgraded.world.query("SELECT account_id, ca_turn, ca_key_id FROM hubs WHERE ca_subject IS NOT NULL ORDER BY rowid"),
  ).toEqual([
    { account_id: t.caller.account, ca_turn: 0, ca_key_id: "" },
    ...[0, 1, 2].map((ca_turn) => ({ account_id: stranger.caller.account, ca_turn, ca_key_id: "" })),
  ]);
});
