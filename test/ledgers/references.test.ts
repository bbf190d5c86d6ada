import { expect, test } from "bun:test";
import { type Caller, openWorld, type World } from "../support/world/world.ts";
import { type Copy, copyAll, copyIn, createReader, createTwin, type Ledger, ledgerOf } from "./ledger-world.ts";

const PUBLIC = { visibility: "true" };

/** Two ledgers of one account, and a chain of references that alternates between them: `r1` to `r0`, `r2` to `r1`, … */
async function buildChain(world: World, length: number) {
  const company = await world.createAccount();
  const ledgers = [ledgerOf(company, await createTwin(company)), ledgerOf(company, await createTwin(company))];
  const at = (link: number) => ledgers[link % 2] as Ledger;
  await at(0).add({ r0: { value: "head" } });
  for (let link = 1; link <= length; link++) {
    await at(link).add({ [`r${link}`]: { ref: at(link - 1).source(`r${link - 1}`) } });
  }
  const links = Array.from({ length }, (_, index) => index + 1);
  const copies = () => Promise.all(links.map((link) => copyIn(at(link), `r${link}`)));
  return { company, at, copies };
}

const repeat = (count: number, copy: Copy): Copy[] => Array.from({ length: count }, () => copy);

test("a value is copied over eight references, and no further", async () => {
  await using world = await openWorld();
  const { at, copies } = await buildChain(world, 12);
  expect(await copies()).toEqual(repeat(12, ["not_found", null]));

  await copyAll(world.store);
  expect(await copies()).toEqual([...repeat(8, ["ok", "head"]), ...repeat(4, ["too_many_hops", null])]);

  await at(0).update({ r0: { value: "new" } });
  const { looks } = await copyAll(world.store);
  expect(await copies()).toEqual([...repeat(8, ["ok", "new"]), ...repeat(4, ["too_many_hops", null])]);
  expect(looks).toBe(9);
});

test("a reference that is now too far away loses its copy, and gets it back when the chain is shorter", async () => {
  await using world = await openWorld();
  const { company, at, copies } = await buildChain(world, 8);
  await copyAll(world.store);
  const detour = ledgerOf(company, await createTwin(company));

  await detour.add({ way: { ref: at(0).source("r0") } });
  await at(1).update({ r1: { ref: detour.source("way") } });
  await copyAll(world.store);
  expect(await copies()).toEqual([...repeat(7, ["ok", "head"]), ["too_many_hops", null]]);

  await at(1).update({ r1: { ref: at(0).source("r0") } });
  await copyAll(world.store);
  expect(await copies()).toEqual(repeat(8, ["ok", "head"]));
});

test("in a chain without a value that grows beyond eight references, the last ones become too far away", async () => {
  await using world = await openWorld();
  const { company, at, copies } = await buildChain(world, 8);
  await at(0).remove("r0");
  await copyAll(world.store);
  expect(await copies()).toEqual(repeat(8, ["not_found", null]));

  const detour = ledgerOf(company, await createTwin(company));
  await detour.add({ way: { ref: at(0).source("r0") } });
  await at(1).update({ r1: { ref: detour.source("way") } });
  await copyAll(world.store);
  expect(await copies()).toEqual([...repeat(7, ["not_found", null]), ["too_many_hops", null]]);
});

test("references in a cycle get the status of a loop, are not copied endlessly, and get a value once one of them has one", async () => {
  await using world = await openWorld();
  const { at, copies } = await buildChain(world, 5);
  await copyAll(world.store);
  await at(0).remove("r0");
  await at(0).add({ r0: { ref: at(3).source("r3") } });

  const { looks } = await copyAll(world.store);
  expect(await copies()).toEqual(repeat(5, ["loop_detected", null]));
  expect(await copyIn(at(0), "r0")).toEqual(["loop_detected", null]);
  expect(looks).toBeLessThan(20);
  expect(await copyAll(world.store)).toEqual({ commands: 1, looks: 0 });

  await at(1).add({ spring: { value: 7 } });
  await at(0).update({ r0: { ref: at(1).source("spring") } });
  await copyAll(world.store);
  expect(await copies()).toEqual(repeat(5, ["ok", 7]));
});

test("when a circle grows, references that could just reach it become too far away", async () => {
  await using world = await openWorld();
  const { company, at, copies } = await buildChain(world, 8);
  await at(0).remove("r0");
  await at(0).add({ r0: { ref: at(3).source("r3") } });
  await copyAll(world.store);
  expect(await copies()).toEqual(repeat(8, ["loop_detected", null]));

  const detour = ledgerOf(company, await createTwin(company));
  await detour.add({ way: { ref: at(3).source("r3") } });
  await at(0).update({ r0: { ref: detour.source("way") } });
  await copyAll(world.store);
  expect(await copies()).toEqual([...repeat(7, ["loop_detected", null]), ["too_many_hops", null]]);
});

test("a reference that never had a value and loses its source also changes the status of references to it", async () => {
  await using world = await openWorld();
  const { at, copies } = await buildChain(world, 2);
  await at(0).update({ r0: { value: null } });
  await copyAll(world.store);
  expect(await copies()).toEqual(repeat(2, ["ok", null]));

  await at(1).update({ r1: { ref: at(0).source("nothing") } });
  await copyAll(world.store);
  expect(await copies()).toEqual(repeat(2, ["not_found", null]));
});

test("deleting a source empties its copies, and adding it again fills them", async () => {
  await using world = await openWorld();
  const { at, copies } = await buildChain(world, 2);
  await copyAll(world.store);
  await at(0).remove("r0");
  await copyAll(world.store);
  expect(await copies()).toEqual(repeat(2, ["not_found", null]));
  await at(0).add({ r0: { value: "again" } });
  await copyAll(world.store);
  expect(await copies()).toEqual(repeat(2, ["ok", "again"]));

  await at(0).remove("r0");
  await at(0).add({ r0: { value: "at once" } });
  await copyAll(world.store);
  expect(await copies()).toEqual(repeat(2, ["ok", "at once"]));
});

test("making a source private removes the values of other accounts' copies, but not of its own account's", async () => {
  await using world = await openWorld();
  const owner = await world.createAccount();
  const source = ledgerOf(owner, await createTwin(owner));
  await source.add({ reading: { value: 1, ...PUBLIC } });
  const readers = [owner, await createReader(world, await world.createAccount("Stranger"))];
  const ledgers: Ledger[] = [];
  for (const reader of readers) {
    const ledger = ledgerOf(reader, await createTwin(reader));
    await ledger.add({ copy: { ref: source.source("reading"), history: "INF" } });
    ledgers.push(ledger);
  }
  const copies = async () => {
    world.clock.advance(1000);
    await copyAll(world.store);
    return Promise.all(ledgers.map((ledger) => copyIn(ledger, "copy")));
  };
  expect(await copies()).toEqual(repeat(2, ["ok", 1]));
  await source.update({ reading: { visibility: null } });
  expect(await copies()).toEqual([
    ["ok", 1],
    ["not_found", null],
  ]);
  await source.update({ reading: { visibility: "entry_value > 1" } });
  expect((await copies())[1]).toEqual(["not_found", null]);
  await source.update({ reading: { value: 2 } });
  expect(await copies()).toEqual(repeat(2, ["ok", 2]));
  expect(Object.values(await (ledgers[1] as Ledger).history("copy"))).toEqual([2, null, 1, null]);
});

test("an include cannot be a source, because it has no change events of its own", async () => {
  await using world = await openWorld();
  const { company, at, copies } = await buildChain(world, 1);
  await at(1).add({ plain: { value: "plain" } });
  await at(0).remove("r0");
  await at(0).add({ r0: { include: { source: at(1).source("plain").source.replace(`${company.account}/`, "") } } });
  expect((await at(0).entry("r0")).value).toBe("plain");
  await copyAll(world.store);
  expect(await copies()).toEqual([["not_found", null]]);

  await at(0).remove("r0");
  await at(0).add({ r0: { value: "own" } });
  await copyAll(world.store);
  expect(await copies()).toEqual([["ok", "own"]]);
});

test("a reference to another reference copies only what the user who added the other one may read", async () => {
  await using world = await openWorld();
  const owner = await world.createAccount();
  const source = ledgerOf(owner, await createTwin(owner));
  await source.add({ reading: { value: 1 } });
  const stranger = await createReader(world, await world.createAccount("Stranger"));
  const middle = ledgerOf(stranger, await createTwin(stranger));
  await middle.add({ copy: { ref: source.source("reading"), ...PUBLIC } });
  const reader = await createReader(world, owner);
  const end = ledgerOf(reader, await createTwin(owner));
  await end.add({ copy: { ref: middle.source("copy") } });
  await copyAll(world.store);
  expect(await copyIn(end, "copy")).toEqual(["not_found", null]);
  await source.update({ reading: PUBLIC });
  await copyAll(world.store);
  expect(await copyIn(end, "copy")).toEqual(["ok", 1]);
});

const DENIES_READING = {
  effect: "deny",
  actions: ["get_twin_ledger_entry", "get_twin_ledger_entry_value"],
};

for (const [loss, lose] of Object.entries<(admin: Caller, user: Caller) => ReturnType<Caller["call"]>>({
  "is deleted": (admin, { user }) => admin.call("DELETE", `/users/${user}`),
  "loses their role": (admin, { role }) => admin.call("DELETE", `/roles/${role}`),
  "may no longer read": (admin, { role }) => admin.call("PATCH", `/roles/${role}`, { statement: DENIES_READING }),
  "may not touch the twin": (admin, { role }) =>
    admin.call("PATCH", `/roles/${role}`, { rules: { twin_rule: "TWIN.kind == 'cat'" } }),
  "may not touch the entry": (admin, { role }) =>
    admin.call("PATCH", `/roles/${role}`, { rules: { entry_rule: "entry_name != 'reading'" } }),
  "may touch nothing of others": (admin, { role }) =>
    admin.call("PATCH", `/roles/${role}`, { rules: { entry_rule: null } }),
})) {
  test(`a reference is copied with the rights of the user who added it, who ${loss}`, async () => {
    await using world = await openWorld();
    const owner = await world.createAccount();
    const source = ledgerOf(owner, await createTwin(owner, { kind: "dog" }));
    await source.add({ reading: { value: 1, ...PUBLIC } });
    const admin = await world.createAccount("Stranger");
    const user = await createReader(world, admin);
    const twin = await createTwin(admin);
    await ledgerOf(user, twin).add({ copy: { ref: source.source("reading") } });
    await copyAll(world.store);
    expect(await copyIn(ledgerOf(admin, twin), "copy")).toEqual(["ok", 1]);

    expect((await lose(admin, user)).status).toBe(200);
    await source.update({ reading: { value: 2 } });
    await copyAll(world.store);
    expect(await copyIn(ledgerOf(admin, twin), "copy")).toEqual(["not_found", null]);
  });
}

test("permission for one action that reads entries is enough to add a reference", async () => {
  await using world = await openWorld();
  const { company, at } = await buildChain(world, 0);
  const actions = ["add_twin_ledger_entry", "get_twin_ledger_entry_value"];
  const user = await world.createUser(company, { effect: "allow", actions });
  const twin = await createTwin(company);
  await ledgerOf(user, twin).add({ copy: { ref: at(0).source("r0") } });
  await copyAll(world.store);
  expect(await copyIn(ledgerOf(company, twin), "copy")).toEqual(["ok", "head"]);
});
