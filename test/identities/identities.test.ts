import { expect, test } from "bun:test";
import { newTwin } from "../support/world/ledger.ts";
import { type Caller, type Json, openWorld } from "../support/world/world.ts";

const nameTwin = (caller: Pick<Caller, "call">, twin: string, identities: Json) =>
  caller.call("POST", `/twins/${twin}/identities`, { identities });

const at = (twin: string, name: string) => `/twins/${twin}/identities/${encodeURIComponent(name)}`;
const resolve = async (caller: Pick<Caller, "call">, name: string, query = "") =>
  (await caller.call("GET", `/resolve/${encodeURIComponent(name)}${query}`)).body.twins;

test("a twin is given names, each once, and is found by them", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twin = await newTwin(company);
  const now = world.clock.now() / 1000;
  const created = await nameTwin(company, twin, {
    "RFID#8f02-77c1": { validity_ts: now + 60, visibility: "true" },
    "NFC#1": null,
  });
  const certificate = { created_ts: now, creator: company.account };
  const rfid = {
    validity_ts: now + 60,
    visibility: "true",
    updated_ts: now,
    creation_certificate: { ...certificate, identity: "RFID#8f02-77c1" },
  };
  expect([created.status, created.body.identities["RFID#8f02-77c1"]]).toEqual([201, rfid]);
  expect(created.body.identities["NFC#1"]).toMatchObject({ validity_ts: null, visibility: null });
  expect((await company.call("GET", at(twin, "RFID#8f02-77c1"))).body).toEqual(rfid);

  const again = await nameTwin(company, twin, { "NFC#1": {}, "NFC#2": {} });
  expect(again.body.identities["NFC#1"]).toEqual({ error: "Identity already exists." });
  expect(again.body.identities["NFC#2"].creation_certificate.identity).toBe("NFC#2");

  const second = await newTwin(company);
  world.clock.advance(1);
  await nameTwin(company, second, { "NFC#1": {} });
  expect(await resolve(company, "NFC#1")).toEqual([twin, second]);
  expect(await resolve(company, "NFC#9")).toEqual([]);
  const [first] = await resolve(company, "NFC#1", "?details=True");
  expect(first.creation_certificate.uuid).toBe(twin);
});

test("a request with an invalid name is refused as a whole; only the item with an invalid rule is refused", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twin = await newTwin(company);
  for (const name of [
    "NFC",
    "NFC#",
    "#1",
    "TOOLONGKIND#1",
    "NFC#a#b",
    "NFC#ü",
    `NFC#${"x".repeat(129)}`,
    "__proto__",
  ]) {
    const identities = JSON.parse(`{"NFC#fine":{},${JSON.stringify(name)}:{}}`);
    const refused = await nameTwin(company, twin, identities);
    expect([name, refused.status, refused.body.subcode]).toEqual([name, 400, 400_589]);
    const path = await company.call("GET", at(twin, name));
    expect([name, path.status, path.body.subcode]).toEqual([name, 400, 400_592]);
  }
  const { identities } = (await nameTwin(company, twin, { "NFC#a": { visibility: "1 +" }, "NFC#b": {} })).body;
  expect(identities["NFC#a"].error).toBe("Invalid rule.");
  expect(identities["NFC#b"].creation_certificate.identity).toBe("NFC#b");
  const refused = await company.call("PATCH", at(twin, "NFC#b"), { visibility: "1 +" });
  expect([refused.status, refused.body.subcode]).toEqual([400, 400_897]);
  for (const path of [at(crypto.randomUUID(), "NFC#b"), at(twin, "NFC#c")]) {
    for (const method of ["GET", "PATCH", "DELETE"])
      expect((await company.call(method, path)).body.subcode).toBe(404_653);
  }
});

test("an update changes only what it names, and a deleted name is gone", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twin = await newTwin(company);
  const now = world.clock.now() / 1000;
  await nameTwin(company, twin, { "NFC#1": { validity_ts: now + 60, visibility: "true" } });
  world.clock.advance(1000);
  const changed = (await company.call("PATCH", at(twin, "NFC#1"), { visibility: null })).body;
  expect(changed).toMatchObject({ validity_ts: now + 60, visibility: null, updated_ts: now + 1 });
  expect((await company.call("PATCH", at(twin, "NFC#1"), { validity_ts: null })).body.validity_ts).toBeNull();
  expect((await company.call("PATCH", at(twin, "NFC#1"))).body.updated_ts).toBe(now + 1);
  const deleted = await company.call("DELETE", at(twin, "NFC#1"));
  expect([deleted.status, deleted.body.creation_certificate.identity]).toEqual([200, "NFC#1"]);
  expect((await company.call("DELETE", at(twin, "NFC#1"))).status).toBe(404);
  const kinds = world.query("SELECT kind FROM events WHERE kind LIKE 'identity.%' ORDER BY sequence");
  expect(kinds.map(({ kind }) => kind)).toEqual([
    "identity.created",
    "identity.updated",
    "identity.updated",
    "identity.deleted",
  ]);
});

test("an expired name resolves to nothing, is listed only on request, and can get a new expiry", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const twin = await newTwin(company);
  const end = world.clock.now() / 1000 + 60;
  await nameTwin(company, twin, { "NFC#1": { validity_ts: end }, "NFC#2": {} });
  const names = async (query: string) =>
    Object.keys((await company.call("GET", `/twins/${twin}/identities${query}`)).body.identities);
  world.clock.advance(59_999);
  expect(await resolve(company, "NFC#1")).toEqual([twin]);
  world.clock.advance(1);
  expect(await resolve(company, "NFC#1")).toEqual([]);
  expect(await names("")).toEqual(["NFC#2"]);
  expect(await names("?show_expired=true")).toEqual(["NFC#1", "NFC#2"]);
  expect(await names("?show_expired=true&show_valid=false")).toEqual(["NFC#1"]);
  expect((await company.call("GET", at(twin, "NFC#1"))).body.validity_ts).toBe(end);
  await company.call("PATCH", at(twin, "NFC#1"), { validity_ts: end + 60 });
  expect(await resolve(company, "NFC#1")).toEqual([twin]);
});

test("another account sees a name if its rule and that of their role permit it, and otherwise cannot tell that it exists", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const stranger = await world.createAccount("Stranger");
  const twin = await newTwin(company);
  await nameTwin(company, twin, {
    "NFC#open": { visibility: "USER.profession == 'service'" },
    "NFC#closed": {},
  });
  const { uuid: role } = (await stranger.call("POST", "/roles", { rules: { identity: "identity =~ 'NFC#'" } })).body;
  const visitor = await world.createUser(stranger, { effect: "deny", actions: null });
  await stranger.call("PATCH", `/users/${visitor.user}`, { role, description: { profession: "service" } });

  const context = `?context=${company.account}`;
  expect(await resolve(visitor, "NFC#open", context)).toEqual([twin]);
  expect(await resolve(visitor, "NFC#open", "?context=system")).toEqual([twin]);
  expect(await resolve(visitor, "NFC#open")).toEqual([]);
  expect(await resolve(visitor, "NFC#closed", "?context=system")).toEqual([]);
  // Without a rule in their role, users reach nothing of other accounts.
  expect(await resolve(stranger, "NFC#open", "?context=system")).toEqual([]);

  const shown = async (query: string) =>
    Object.keys((await visitor.call("GET", `/twins/${twin}/identities${query}`)).body.identities);
  expect(await shown("")).toEqual([]);
  expect(await shown("?show_foreign=true")).toEqual(["NFC#open"]);
  expect(await shown(`?show_foreign=${company.account}`)).toEqual(["NFC#open"]);
  expect(await shown(`?show_foreign=${stranger.account}`)).toEqual([]);
  expect((await visitor.call("GET", at(twin, "NFC#open"))).status).toBe(404);

  // Their own identity with the same name is a separate one, and is the one shown.
  world.clock.advance(1000);
  await nameTwin(visitor, twin, { "NFC#open": { validity_ts: world.clock.now() / 1000 + 5 } });
  const both = (await visitor.call("GET", `/twins/${twin}/identities?show_foreign=true`)).body.identities;
  expect(both["NFC#open"].validity_ts).toBe(world.clock.now() / 1000 + 5);

  await stranger.call("PATCH", `/users/${visitor.user}`, { description: null });
  expect(await resolve(visitor, "NFC#open", context)).toEqual([]);
});

test("twins with a name are ordered by their oldest such names that the caller sees", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const contractor = await world.createAccount("Contractor");
  const { uuid: role } = (await contractor.call("POST", "/roles", { rules: { identity: "identity =~ 'RFID#'" } })).body;
  const finder = await world.createUser(contractor, { effect: "allow", actions: null });
  await contractor.call("PATCH", `/users/${finder.user}`, { role });
  const [first, second] = [await newTwin(company), await newTwin(company)];
  for (const twin of [second, first]) {
    await nameTwin(company, twin, { "RFID#1": { visibility: "true" } });
    world.clock.advance(1);
  }
  // The contractor's own name of the second is its youngest: the company's older one decides its position.
  await nameTwin(contractor, second, { "RFID#1": {} });
  expect(await resolve(finder, "RFID#1", "?context=system")).toEqual([second, first]);
  expect(await resolve(finder, "RFID#1", "?context=personal")).toEqual([second]);
  await company.call("DELETE", at(second, "RFID#1"));
  expect(await resolve(finder, "RFID#1", "?context=system")).toEqual([first, second]);
});

test("a twin's names are visible to the accounts that gave them, for own and foreign, active and terminated twins", async () => {
  await using world = await openWorld();
  const company = await world.createAccount();
  const contractor = await world.createAccount("Contractor");
  const twin = await newTwin(company);
  await company.call("DELETE", `/twins/${twin}`);
  expect((await nameTwin(contractor, twin, { "TAG#1": {} })).status).toBe(201);
  expect(await resolve(contractor, "TAG#1")).toEqual([twin]);
  expect(await resolve(company, "TAG#1", `?context=${company.account},${contractor.account}`)).toEqual([]);
  for (const context of ["everybody", "", `${company.account},x`]) {
    const refused = await company.call("GET", `/resolve/TAG%231?context=${context}`);
    expect([context, refused.status, refused.body.subcode]).toEqual([context, 400, 400_592]);
  }
});
