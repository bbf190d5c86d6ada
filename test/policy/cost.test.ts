import { expect, test } from "bun:test";
import { createReader, createTwin, ledgerOf } from "../ledgers/ledger-world.ts";
import { openWorld } from "../support/world/world.ts";

test("a ledger of 1 500 entries whose rules all read the whole ledger is read once for all of them, not once for each", async () => {
  await using world = await openWorld();
  const owner = await world.createAccount();
  const twin = await createTwin(owner);
  const names = Array.from({ length: 1500 }, (_, index) => `e${index}`);
  const entry = { value: 1, visibility: "LEDGER.e0 == 1" };
  for (let first = 0; first < names.length; first += 500) {
    const slice = names.slice(first, first + 500);
    await ledgerOf(owner, twin).add(Object.fromEntries(slice.map((name) => [name, entry])));
  }
  const rules = { twin_rule: "true", entry_rule: "LEDGER.e0 == 1" };
  for (const admin of [owner, await world.createAccount("Stranger")]) {
    const reader = await createReader(world, admin, rules);
    const start = performance.now();
    const { body } = await reader.call("GET", `/twins/${twin}/ledgers/owner`);
    expect(Object.keys(body.entries).length).toBe(1500);
    // It takes fifty times as long if each rule reads the ledger.
    expect(performance.now() - start).toBeLessThan(2000);
  }
  const bound = await createReader(world, owner, rules);
  for (const writer of [owner, bound]) {
    const conditions = Object.fromEntries(names.slice(0, 500).map((name) => [name, "LEDGER.e0 == 1"]));
    const entries = Object.fromEntries(names.slice(0, 500).map((name) => [name, { value: 1 }]));
    const start = performance.now();
    const { body } = await writer.call("PATCH", `/twins/${twin}/ledgers/personal`, { entries, conditions });
    expect(body.entries.e499).toMatchObject({ value: 1 });
    expect(performance.now() - start).toBeLessThan(2000);
  }
}, 60_000);

test("1 000 identities of a twin whose rules all read a large ledger are listed without reading it for each", async () => {
  await using world = await openWorld();
  const owner = await world.createAccount();
  const twin = await createTwin(owner);
  const values = Array.from({ length: 500 }, (_, index) => [`e${index}`, { value: 1 }]);
  await ledgerOf(owner, twin).add(Object.fromEntries(values));
  for (let first = 0; first < 1000; first += 500) {
    const names = Array.from({ length: 500 }, (_, index) => `RFID#${first + index}`);
    const identities = Object.fromEntries(names.map((name) => [name, { visibility: "LEDGER.e0 == 1" }]));
    expect((await owner.call("POST", `/twins/${twin}/identities`, { identities })).status).toBe(201);
  }
  const reader = await createReader(world, await world.createAccount("Stranger"), {
    identity_rule: "LEDGER.e0 == null",
  });
  const start = performance.now();
  const { body } = await reader.call("GET", `/twins/${twin}/identities?show_foreign=true`);
  expect(Object.keys(body.identities).length).toBe(1000);
  expect(performance.now() - start).toBeLessThan(2000);
}, 60_000);
